"""Coming back: a crowd whose server restarts, an interface that goes and comes, a stopped game, a clock that is set."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ws_python import WebSocketClient

from tests.chaos.harness import PATIENCE, python
from tests.chaos.machine import Unavailable, WallClock
from tests.godot_process import ROOT, GodotProcess
from tests.ws_python.driving import named, poll_until, record

CROWD = 1000
# A wait that nobody outlasts here: what comes sooner was brought forward.
LONG_WAIT = 600.0

# Says at each line of its input when peers came, by the clock that all processes share, and how many there are.
SERVER = """
import json, select, sys, time
sys.path.insert(0, "python")
from ws_python import WebSocketServer
server, came = WebSocketServer(), []
server.client_connected.connect(lambda peer_id: came.append(time.monotonic()))
assert server.listen(int(sys.argv[1])) == 0
print("ready", flush=True)
while True:
    server.poll()
    if select.select([0], [], [], 0.001)[0]:
        if not sys.stdin.readline():
            break
        print(json.dumps([came, server.get_peer_count()]), flush=True)
"""

# Answers each message with the same.
ECHO = """
import sys
from websockets.sync.server import serve
def echo(connection):
    for message in connection: connection.send(message)
with serve(echo, "127.0.0.1", 0, ping_interval=None) as server:
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()
"""


class Server:
    """A server in a process of its own, which can be killed, and asked who came."""

    def __init__(self, port: int) -> None:
        command = python(SERVER, port)
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._answer() == "ready"

    def ask(self) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._answer())

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def most_within(seconds: float, times: list[float]) -> int:
    """How many of these moments, in order, lie within so many seconds at the most."""
    most = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("away", [0.0, 2.0], ids=["at once", "after 2 s"])
def test_a_crowd_whose_server_restarts_comes_back_one_after_the_other(free_port: int, away: float) -> None:
    clients = [WebSocketClient() for _ in range(CROWD)]
    logs = [record(client) for client in clients]

    def all_active() -> bool:
        return all(client.status == client.Status.STATUS_ACTIVE for client in clients)

    server = Server(free_port)
    try:
        for client in clients:
            client.auto_reconnect = True
            assert client.connect_to_url(f"ws://127.0.0.1:{free_port}") == 0
        poll_until(all_active, *clients, deadline=2 * PATIENCE)
        server.kill()
        poll_until(lambda: all(named(log, "connection_closed") for log in logs), *clients, deadline=PATIENCE)
        back_at = time.monotonic() + away
        poll_until(lambda: time.monotonic() >= back_at, *clients)
        server = Server(free_port)
        poll_until(all_active, *clients, deadline=2 * PATIENCE)
        poll_until(lambda: server.ask()[1] == CROWD, *clients, deadline=PATIENCE)
        came, _ = server.ask()
    finally:
        server.kill()
        for client in clients:
            client.close()
    assert len(came) == CROWD, "each came once"
    for client, log in zip(clients, logs, strict=True):
        assert (len(named(log, "reconnected")), len(named(log, "connection_closed"))) == (1, 1)
        assert client._events["recovered"] == 1
    spread, most = came[-1] - came[0], most_within(0.1, came)
    print(f"{CROWD} came back in {spread:.2f} s, at most {most} of them within 0.1 s")
    assert spread >= 0.3
    # As many within a tenth of a second as in half the first delay, evenly, and once more: a slow machine bunches them.
    assert most <= CROWD * 0.4


@contextlib.contextmanager
def echoing() -> Iterator[str]:
    """The URL of an echo server in another process."""
    command = python(ECHO)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        try:
            yield f"ws://127.0.0.1:{int(child.stdout.readline())}"
        finally:
            child.kill()


def player(*arguments: str, **options: Any) -> GodotProcess:
    """A headless game with clients, see player.gd."""
    return GodotProcess(["--script", "res://tests/chaos/player.gd", "--", *arguments], **options)


def told(game: GodotProcess, pattern: str) -> list[str]:
    return re.findall(rf"^client {pattern}", game.log, re.MULTILINE)


def wait_for_more(game: GodotProcess, pattern: str, more: int = 1) -> None:
    """Wait until the game has told this so many times more than it has now."""
    wanted = len(told(game, pattern)) + more
    end = time.monotonic() + PATIENCE
    while len(told(game, pattern)) < wanted:
        assert time.monotonic() < end, f"{pattern!r} was not told, in:\n{game.log}"
        time.sleep(0.02)


# --- a network that goes and comes


@contextlib.contextmanager
def isolated_player(*arguments: str) -> Iterator[GodotProcess]:
    """One in a network of its own, which is nothing but a loopback interface."""
    up = ("unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    made = shutil.which("unshare") and shutil.which("nsenter") and shutil.which("ip")
    if not made or subprocess.run([*up, "true"], capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    with player(*arguments, within=up) as game:
        yield game


def set_interface(game: GodotProcess, state: str) -> None:
    inside = ("nsenter", "-U", "-n", "--preserve-credentials", "-t", str(game.pid))
    subprocess.run([*inside, "ip", "link", "set", "lo", state], check=True)


def test_an_interface_that_went_and_came_is_tried_at_once() -> None:
    heartbeat = ("heartbeat_interval=0.3", "heartbeat_timeout=0.5")
    with isolated_player(
        "serve", f"reconnect_delay={LONG_WAIT}", f"reconnect_delay_max={LONG_WAIT}", *heartbeat
    ) as game:
        game.wait_for("client 0 message 2", PATIENCE)
        set_interface(game, "down")
        game.wait_for("client 0 closed 1006", PATIENCE)
        delay = float(game.wait_for(r"client 0 reconnecting 1 (\S+)", PATIENCE)[1])
        assert delay >= LONG_WAIT / 2
        time.sleep(1)
        assert told(game, "0 connected") == ["client 0 connected"]
        since = time.monotonic()
        set_interface(game, "up")
        game.wait_for("client 0 reconnected", PATIENCE)
        print(f"reconnected {time.monotonic() - since:.2f} s after the interface was up")
        wait_for_more(game, "0 message")


def test_an_interface_that_flaps_brings_few_attempts() -> None:
    with isolated_player(
        "ws://127.0.0.1:1", f"reconnect_delay={LONG_WAIT}", f"reconnect_delay_max={LONG_WAIT}"
    ) as game:
        game.wait_for("client 0 reconnecting 1", PATIENCE)
        since = time.monotonic()
        for _ in range(40):
            set_interface(game, "down")
            set_interface(game, "up")
            time.sleep(0.05)
        game.wait_for("client 0 reconnecting 2", PATIENCE)
        time.sleep(1)
        # The first one, and three in 30 s.
        assert len(told(game, "0 failed")) <= 1 + 3 * (1 + (time.monotonic() - since) // 30)


# --- a machine that sleeps, and one whose clock is set


def test_a_game_that_was_stopped_loses_no_connection_and_tries_again_at_once() -> None:
    with (
        echoing() as url,
        player(url, "ws://127.0.0.1:1", f"reconnect_delay={LONG_WAIT}", f"reconnect_delay_max={LONG_WAIT}") as game,
    ):
        game.wait_for("client 0 message 2", PATIENCE)
        game.wait_for("client 1 reconnecting 1", PATIENCE)
        os.kill(game.pid, signal.SIGSTOP)
        try:
            time.sleep(6)
        finally:
            os.kill(game.pid, signal.SIGCONT)
        game.wait_for("client 1 reconnecting 2", PATIENCE)
        wait_for_more(game, "0 message", 3)
        assert told(game, "0 (?:closed|failed|reconnecting)") == []


@pytest.fixture
def wall_clock(tmp_path: Path) -> WallClock:
    try:
        return WallClock(tmp_path)
    except Unavailable as error:
        pytest.skip(str(error))


def test_a_clock_that_is_set_changes_nothing(wall_clock: WallClock) -> None:
    properties = ("reconnect_delay=0.4", "reconnect_delay_max=0.4", "heartbeat_interval=0.3", "heartbeat_timeout=2.0")
    with echoing() as url, player(url, "ws://127.0.0.1:1", *properties, env=wall_clock.environment) as game:
        game.wait_for("client 0 message 1", PATIENCE)
        for seconds in (3600, -3600, 0):
            wall_clock.set(seconds)
            begin, before = time.monotonic(), len(told(game, "1 failed"))
            wait_for_more(game, "0 message", 5)
            attempts, passed = len(told(game, "1 failed")) - before, time.monotonic() - begin
            assert 1 <= attempts <= passed / 0.2 + 2
            shown = int(told(game, r"0 message \d+ \d+")[-1].split()[-1])
            assert abs(shown - time.time() - seconds) < 60, "the game sees the clock that was set"
        assert told(game, "0 (?:closed|failed|reconnecting)") == []
