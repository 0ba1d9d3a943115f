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
from collections.abc import Iterator, Sequence

import pytest
from ws_python.loop.hub import hub
from ws_python.net.network_changes import NetworkChanges, has_come_up

from tests.godot_process import ROOT

# Polls while it is told on its standard input what to do with the interfaces; says what it was told of.
WATCHER = """
import select, socket, subprocess, sys, time
sys.path.insert(0, "python")
from ws_python.loop.hub import hub
from ws_python.net.network_changes import network_changes

def turn_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        hub.turn(0.01, 0.01)

def never():
    return False

class Forbidden(socket.socket):
    def bind(self, address):
        raise PermissionError("as on Android")

told = []
hub.uses_epoll = sys.argv[1] == "epoll"
hub.loop()
plain, socket.socket = socket.socket, Forbidden if "forbidden" in sys.argv else socket.socket
network_changes.tell(lambda: told.append(1))
socket.socket = plain
print("ready", flush=True)
while True:
    turn_until(lambda: select.select([0], [], [], 0)[0], 60)
    words = sys.stdin.readline().split()
    if not words:
        break
    if words[0] == "told":
        # What comes with it, and behind it, belongs to it.
        turn_until(lambda: bool(told), 10 if words[1] == "yes" else 0)
        turn_until(never, 0.3)
        print("yes" if told else "no", flush=True)
        told.clear()
        continue
    if words[0] == "forge":
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as other:
            other.sendto(bytes.fromhex(words[1]), (network_changes._netlink._socket.getsockname()[0], 0))
    else:
        subprocess.run(words, check=True)
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
    """A process that watches, and says what it was told."""

    def __init__(self, *arguments: str, within: Sequence[str] = ()) -> None:
        command = [*within, sys.executable, "-c", WATCHER, *arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.is_ready = self._answer() == "ready"

    def close(self) -> None:
        self._process.communicate()

    def do(self, command: str) -> None:
        assert self._ask(command) == "done"

    def is_told(self, *, expected: bool) -> bool:
        """Whether it was told of something since this was asked: waits for what is expected."""
        return self._ask(f"told {'yes' if expected else 'no'}") == "yes"

    def sleep(self, seconds: float) -> None:
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(params=["epoll", "asyncio"])
def isolated(request: pytest.FixtureRequest) -> Iterator[Watcher]:
    """One in a network namespace of its own, which has nothing but a loopback interface that is down."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("unshare and ip make the network namespace for this test")
    watcher = Watcher(request.param, within=("unshare", "-rn"))
    try:
        if not watcher.is_ready:
            pytest.skip("no network namespace can be made here")
        yield watcher
    finally:
        watcher.close()


def test_interfaces_addresses_and_routes_that_come(isolated: Watcher) -> None:
    def assert_told(command: str, *, expected: bool) -> None:
        isolated.do(command)
        assert isolated.is_told(expected=expected) is expected, command

    assert not isolated.is_told(expected=False)
    assert_told("ip link set lo up", expected=True)
    assert_told("ip link set lo down", expected=False)
    assert_told("ip link set lo up", expected=True)
    assert_told("ip link add a0 type veth peer name b0", expected=False)
    for interface in ("a0", "b0"):  # No address comes by itself, at a time of its own.
        assert_told(f"ip link set {interface} addrgenmode none", expected=False)
    assert_told("ip link set a0 up", expected=False)  # Its other end is down.
    assert_told("ip link set b0 up", expected=True)
    assert_told("ip addr add 10.99.0.1/24 dev a0", expected=True)
    assert_told("ip route add default via 10.99.0.2", expected=True)
    assert_told("ip route del default", expected=False)
    assert_told("ip addr del 10.99.0.1/24 dev a0", expected=False)


def test_what_is_not_the_kernels_does_not_count(isolated: Watcher) -> None:
    isolated.do(f"forge {route(1).hex()}")
    assert not isolated.is_told(expected=False)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows stops no process from outside")
@pytest.mark.parametrize("arguments", [["epoll"], ["asyncio"], ["epoll", "forbidden"]])
def test_a_process_that_slept_is_told_so(arguments: list[str]) -> None:
    watcher = Watcher(*arguments)
    try:
        assert not watcher.is_told(expected=False)
        watcher.sleep(1.0)
        assert not watcher.is_told(expected=False), "that is no sleep"
        watcher.sleep(4.0)
        assert watcher.is_told(expected=True)
    finally:
        watcher.close()


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


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="only Linux tells of its interfaces")
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
