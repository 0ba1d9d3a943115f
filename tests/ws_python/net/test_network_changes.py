"""Tests of ws_python.net.network_changes: real interfaces in a network namespace, a stopped process, netlink."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from ws_python.loop.hub import hub
from ws_python.net.network_changes import NetworkChanges, has_come_up

from tests.godot_process import ROOT

# Polls while it is told on its standard input what to do with the interfaces; says what it was told of.
WATCHER = """
import os, select, socket, subprocess, sys, time
sys.path.insert(0, "python")
from ws_python.loop.hub import hub
from ws_python.net.network_changes import network_changes
told = []
hub.uses_epoll = sys.argv[1] == "epoll"
hub.loop()
network_changes.tell(lambda: told.append(1))
other = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
print("ready", flush=True)
buffer = ""
while True:
    hub.turn(0.01, 0.01)
    if not select.select([0], [], [], 0)[0]:
        continue
    line = sys.stdin.readline()
    if not line:
        break
    if line == "told?\\n":
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            hub.turn(0.01, 0.01)
        print(len(told) > 0, flush=True)
        told.clear()
    elif line == "forge\\n":
        message = bytes.fromhex(sys.argv[2])
        other.sendto(message, (network_changes._netlink._socket.getsockname()[0], 0))
        print("done", flush=True)
    else:
        subprocess.run(line.split(), check=True)
        print("done", flush=True)
hub.close(0.0)
"""


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body + bytes(-len(body) % 4)


def link(interface: int, *, running: bool, kind: int = 16) -> bytes:
    return message(kind, struct.pack("=BxHiII", 0, 1, interface, 0x1043 if running else 0x1003, 0))


def address(flags: int) -> bytes:
    return message(20, struct.pack("=BBBBI", 10, 64, flags, 0, 2))


def route(kind: int) -> bytes:
    return message(24, struct.pack("=8BI", 2, 0, 0, 0, 254, 3, 0, kind, 0))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (link(2, running=True), True),
        (link(2, running=False), False),
        (link(1, running=True), False),  # As it was.
        (link(2, running=True, kind=17), False),
        (address(0x80), True),
        (address(0x40), False),  # Tentative.
        (route(1), True),
        (route(2), False),  # To this machine itself.
        (message(21, bytes(8)), False),  # An address that went.
        (message(25, bytes(12)), False),
        (message(99, bytes(64)), False),
        (link(2, running=False) + link(2, running=True), True),
        (b"", False),
        (b"\0" * 15, False),
        (bytes(64), False),
        (message(16, b"short"), False),
        (struct.pack("=IHHII", 2**32 - 1, 24, 0, 0, 0), False),
    ],
)
def test_what_is_a_change_for_the_better(data: bytes, expected: bool) -> None:
    assert has_come_up(data, {1}) is expected


def test_an_interface_counts_when_it_comes_up_and_not_while_it_is() -> None:
    up: set[int] = set()
    seen = [has_come_up(link(3, running=running), up) for running in (True, True, False, True, True)]
    assert seen == [True, False, False, True, False]
    assert has_come_up(link(3, running=True, kind=17), up) is False
    assert has_come_up(link(3, running=True), up) is True


class Watcher:
    """A process in a network namespace of its own, which has nothing but a loopback interface that is down."""

    def __init__(self, network: str) -> None:
        command = ["unshare", "-rn", sys.executable, "-c", WATCHER, network, route(1).hex()]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._answer() != "ready":
            self.close()
            pytest.skip("no network namespace can be made here")

    def close(self) -> None:
        self._process.communicate()

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(params=["epoll", "asyncio"])
def watcher(request: pytest.FixtureRequest) -> Iterator[Watcher]:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("unshare and ip make the network namespace for this test")
    watcher = Watcher(request.param)
    yield watcher
    watcher.close()


def test_interfaces_addresses_and_routes_that_come(watcher: Watcher) -> None:
    def told_of(command: str) -> str:
        assert watcher.ask(command) == "done"
        return watcher.ask("told?")

    assert watcher.ask("told?") == "False"
    assert told_of("ip link set lo up") == "True"
    assert told_of("ip link set lo down") == "False"
    assert told_of("ip link set lo up") == "True"
    assert told_of("ip link add a0 type veth peer name b0") == "False", "it is there, and down"
    assert told_of("ip link set a0 up") == "False", "the other end is still down"
    assert told_of("ip link set b0 up") == "True"
    assert told_of("ip addr add 10.99.0.1/24 dev a0") == "True"
    assert told_of("ip route add default via 10.99.0.2") == "True"
    assert told_of("ip route del default") == "False"
    assert told_of("ip addr del 10.99.0.1/24 dev a0") == "False"


def test_what_is_not_the_kernels_does_not_count(watcher: Watcher) -> None:
    assert watcher.ask("forge") == "done"
    assert watcher.ask("told?") == "False"


@pytest.fixture
def changes() -> Iterator[NetworkChanges]:
    hub.loop()
    changes = NetworkChanges()
    yield changes
    hub.close(0.0)


def netlink_sockets() -> int:
    count = 0
    for entry in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(entry))) as copy:
                count += copy.family == socket.AF_NETLINK
        except OSError:
            pass
    return count


def test_it_watches_only_while_somebody_wants_to_be_told(changes: NetworkChanges) -> None:
    def one() -> None: ...
    def other() -> None: ...

    assert netlink_sockets() == 0
    changes.tell(one)
    changes.tell(one)
    changes.tell(other)
    assert netlink_sockets() == 1
    changes.forget(one)
    assert netlink_sockets() == 1
    changes.forget(other)
    changes.forget(other)
    assert netlink_sockets() == 0
    changes.tell(one)
    hub.close(0.0)
    assert netlink_sockets() == 0


def test_without_netlink_there_is_still_the_clock(changes: NetworkChanges, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> socket.socket:
        raise PermissionError("as on Android")

    monkeypatch.setattr(socket, "socket", forbidden)
    told: list[int] = []
    changes.tell(lambda: told.append(1))
    monkeypatch.undo()
    assert_told_when_asleep(told)


def test_a_process_that_slept_is_told_so(changes: NetworkChanges) -> None:
    told: list[int] = []
    changes.tell(lambda: told.append(1))
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        hub.turn(0.01, 0.01)
    assert told == [], "it did not sleep"
    assert_told_when_asleep(told)


def assert_told_when_asleep(told: list[int]) -> None:
    # Another process wakes this one up.
    waker = subprocess.Popen(["sh", "-c", f"sleep 4; kill -CONT {os.getpid()}"])
    os.kill(os.getpid(), signal.SIGSTOP)
    assert waker.wait() == 0
    end = time.monotonic() + 10
    while not told:
        assert time.monotonic() < end
        hub.turn(0.01, 0.01)
    assert told == [1]
