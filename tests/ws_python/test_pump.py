"""Tests of ws_python.pump."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ws_python import WebSocketClient, WebSocketServer, pump
from ws_python.inbox import Inbox, Sink
from ws_python.writers import Writer, writers

from tests.ws_python.driving import poll_until


class Counter(Writer):
    """A writer that counts its flushes."""

    def __init__(self) -> None:
        super().__init__()
        self.flushes = 0

    def flush(self) -> None:
        self.flushes += 1


class Delivery(Inbox):
    """Calls a function in place of delivering."""

    def __init__(self, function: Callable[[], object] = lambda: None) -> None:
        super().__init__(Sink(), lambda: None)  # type: ignore[arg-type]
        self.function = function

    def deliver(self) -> None:
        self.function()


def test_a_turn_without_a_loop_does_nothing() -> None:
    pump.turn()
    WebSocketServer().poll()
    assert pump._state.loop is None


def test_a_turn_runs_what_is_ready_and_does_not_wait() -> None:
    calls: list[str] = []
    pump.loop().call_soon(calls.append, "now")
    pump.loop().call_later(3600, calls.append, "later")
    start = time.monotonic()
    assert pump.turn()
    assert calls == ["now"]
    assert not pump.turn(), "nothing is ready any more"
    assert time.monotonic() - start < 1


def test_two_polls_of_one_frame_make_one_turn() -> None:
    turns: list[int] = []

    def turned() -> None:
        turns.append(1)
        pump.loop().call_soon(turned)

    pump.loop().call_soon(turned)
    for frame in (7, 7, 8):
        pump.poll(Delivery(), frame)
    assert len(turns) == 2


def test_what_is_written_in_a_poll_is_flushed_once_at_its_end() -> None:
    writer = Counter()

    def deliver() -> None:
        writers.add(writer)
        assert writer.flushes == 0

    pump.poll(Delivery(deliver))
    assert writer.flushes == 1


def test_what_is_written_in_an_inner_poll_is_flushed_at_the_inner_end() -> None:
    writer = Counter()

    def deliver() -> None:
        pump.poll(Delivery(lambda: writers.add(writer)))
        assert writer.flushes == 1

    pump.poll(Delivery(deliver))


def test_a_poll_on_another_thread_does_nothing_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    delivered: list[str] = []
    pump.loop()
    pump.poll(Delivery(lambda: delivered.append("here")))
    other = threading.Thread(target=pump.poll, args=(Delivery(lambda: delivered.append("there")),))
    other.start()
    other.join()
    pump.poll(Delivery(lambda: delivered.append("here")))
    assert delivered == ["here", "here"]
    (line,) = caplog.messages
    assert line.startswith("poll: another thread polls the network already;")


def test_the_thread_that_claims_the_pump_is_the_one_that_polls(caplog: pytest.LogCaptureFixture) -> None:
    pump.loop()
    pump.claim()
    other = threading.Thread(target=pump.poll, args=(Delivery(),))
    other.start()
    other.join()
    assert len(caplog.messages) == 1


def test_after_close_another_thread_may_poll(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        pump.loop()
        other = threading.Thread(target=pump.poll, args=(Delivery(),))
        other.start()
        other.join()
        pump.close()
    assert caplog.messages == []


def test_what_is_written_outside_a_poll_is_flushed_by_the_next_turn() -> None:
    writer = Counter()
    writers.add(writer)
    assert writer.flushes == 0
    pump.turn()
    assert writer.flushes == 1


def test_a_writer_that_raises_does_not_stop_those_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Counter):
        def flush(self) -> None:
            super().flush()
            raise MemoryError

    broken, behind = Broken(), Counter()
    for _ in range(2):
        writers.add(broken)
        writers.add(behind)
        writers.flush()
    assert (broken.flushes, behind.flushes) == (2, 2)
    assert caplog.messages == ["what was sent could not be written"] * 2


def test_what_was_sent_before_a_frame_is_flushed_before_it_waits() -> None:
    here, there = socket.socketpair()

    class Sender(Writer):
        def flush(self) -> None:
            here.send(b"x")

    pump.loop().add_reader(there, lambda: pump.loop().remove_reader(there))
    writers.add(Sender())
    pump.wait_in_frames(60.0)  # Only what is flushed ends it before the test's time is over.
    try:
        start = time.monotonic()
        pump.poll(Delivery(), 1)
        assert time.monotonic() - start < 30
    finally:
        pump.wait_in_frames(0.0)
        here.close()
        there.close()


def test_the_flush_hook_is_asked_once_for_several_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(writers, "request_flush", lambda: asked.append(1))
    one, other = Counter(), Counter()
    writers.add(one)
    writers.add(other)
    assert len(asked) == 1
    writers.flush()
    assert (one.flushes, other.flushes) == (1, 1)


def test_close_ends_everything_and_a_new_use_starts_again() -> None:
    for _ in range(2):
        server, client = WebSocketServer(), WebSocketClient()
        server.bind_address = "localhost"
        assert server.listen(0) == 0
        assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
        poll_until(lambda c=client: c.status == c.Status.STATUS_ACTIVE, server, client)  # type: ignore[misc]
        pump.close()
        assert (server.status, client.status) == (server.Status.STATUS_IDLE, client.Status.STATUS_IDLE)
        assert server.get_peer_count() == 0
        gc.collect()  # A socket left open would warn here, and warnings are errors.


def test_close_says_goodbye() -> None:
    server, client = WebSocketServer(), WebSocketClient()
    server.bind_address = "localhost"
    assert server.listen(0) == 0
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
    poll_until(lambda: server.get_peer_count() == 1, server, client)
    codes: list[int] = []
    server.client_disconnected.connect(lambda peer_id: codes.append(server.peers[peer_id].get_close_code()))
    pump.close()
    assert codes == [1001]


def test_a_hanging_name_resolution_does_not_keep_the_process_from_exiting() -> None:
    program = """
import socket, time
from ws_python import WebSocketClient, pump
def hang(*args, **hints):
    resolving.append(1)
    time.sleep(3600)
resolving = []
socket.getaddrinfo = hang
client = WebSocketClient()
assert client.connect_to_url("ws://example.com/") == 0
while not resolving:
    client.poll()
pump.close()
print("closed", client.status.name)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(pump.__file__).parents[1])}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert (finished.stdout, finished.stderr, finished.returncode) == ("closed STATUS_IDLE\n", "", 0)
