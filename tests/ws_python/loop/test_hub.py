"""Tests of ws_python.loop.hub."""

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
import ws_python
from ws_python import WebSocketClient, WebSocketServer
from ws_python.loop.host import Host
from ws_python.loop.hub import Consumer, hub
from ws_python.loop.writers import Writer

from tests.ws_python.driving import needs_proc, poll_until

PYTHON = Path(ws_python.__file__).parents[1]


def sockets() -> int:
    """How many this process has open."""
    links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return sum(os.path.lexists(link) and os.readlink(link).startswith("socket:") for link in links)


class Counter(Writer):
    """A writer that counts its flushes."""

    def __init__(self) -> None:
        super().__init__()
        self.flushes = 0

    def flush(self) -> None:
        self.flushes += 1


class Delivery(Consumer):
    """Calls a function in place of delivering."""

    def __init__(self, function: Callable[[], object] | None = None) -> None:
        self.function = function

    def is_empty(self) -> bool:
        return self.function is None

    def deliver(self, until: float) -> None:
        assert self.function is not None
        self.function()


class Frames(Host):
    """An engine's frames, that end when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.callbacks: list[Callable[[], None]] = []

    def at_frame_end(self, callback: Callable[[], None]) -> bool:
        self.callbacks.append(callback)
        return True

    def end(self) -> None:
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()


@pytest.fixture
def frames() -> Frames:
    hub.host = frames = Frames()
    return frames


@pytest.fixture(autouse=True)
def plain_host() -> object:
    yield
    hub.host = Host()
    hub.writers.clear()


def poll(function: Callable[[], object] | None = None, frame: int = -1, seconds: float = 1.0) -> None:
    delivery = Delivery(function)
    delivery.poll_time = seconds
    hub.poll(delivery, frame)


class TestTurning:
    def test_without_a_loop_it_does_nothing(self) -> None:
        assert hub.turn(0.0, 1.0) == 0
        WebSocketServer().poll()
        assert hub.epoll is None, "and makes none"

    def test_it_runs_what_is_ready_and_does_not_wait(self) -> None:
        calls: list[str] = []
        hub.loop().call_soon(calls.append, "now")
        hub.loop().call_later(3600, calls.append, "later")
        start = time.monotonic()
        assert hub.turn(0.0, 1.0)
        assert calls == ["now"]
        assert not hub.turn(0.0, 1.0), "nothing is ready any more"
        assert time.monotonic() - start < 1

    def test_it_waits_for_a_deadline_or_a_timer_at_the_most(self) -> None:
        calls: list[str] = []
        hub.loop().call_later(0.05, calls.append, "timer")
        hub.deadlines.after(0.1, lambda: calls.append("deadline"))
        start = time.monotonic()
        while len(calls) < 2:
            hub.turn(60.0, 1.0)
        assert calls == ["timer", "deadline"]
        assert time.monotonic() - start < 30

    def test_callbacks_that_take_long_leave_the_others_for_the_next_turn(self) -> None:
        calls: list[int] = []

        def work(number: int) -> None:
            time.sleep(0.01)
            calls.append(number)

        for number in range(10):
            hub.loop().call_soon(work, number)
        hub.turn(0.0, 0.015)
        assert 0 < len(calls) < 10
        while hub.turn(0.0, 0.015):
            pass
        assert calls == list(range(10))

    def test_two_polls_of_one_frame_make_one_turn(self) -> None:
        turns: list[int] = []

        def turned() -> None:
            turns.append(hub_turns[0])
            hub.loop().call_soon(turned)

        hub_turns = [0]
        hub.loop().call_soon(turned)
        for frame in (7, 7, 8):
            hub_turns[0] += 1
            poll(frame=frame, seconds=0.01)
        assert set(turns) == {1, 3}

    def test_what_comes_in_the_meantime_is_handled_in_the_same_poll(self) -> None:
        """Opening a connection is a row of callbacks, of which each makes the next one ready."""
        steps: list[int] = []

        def step() -> None:
            steps.append(1)
            if len(steps) < 15:
                hub.loop().call_soon(step)

        hub.loop().call_soon(step)
        poll(seconds=10.0)
        assert len(steps) == 15

    def test_a_poll_ends_though_something_is_always_ready(self) -> None:
        def again() -> None:
            hub.loop().call_soon(again)

        again()
        start = time.monotonic()
        poll(seconds=0.02)
        assert 0.02 <= time.monotonic() - start < 5


class TestWriting:
    def test_what_is_written_in_a_poll_is_flushed_once_at_its_end(self) -> None:
        writer = Counter()

        def deliver() -> None:
            hub.writers.add(writer)
            assert writer.flushes == 0

        poll(deliver)
        assert writer.flushes == 1

    def test_what_is_written_in_an_inner_poll_is_flushed_at_the_inner_end(self) -> None:
        writer = Counter()

        def deliver() -> None:
            poll(lambda: hub.writers.add(writer))
            assert writer.flushes == 1

        poll(deliver)

    def test_what_is_written_outside_a_poll_is_flushed_by_the_next_turn(self) -> None:
        writer = Counter()
        hub.writers.add(writer)
        assert writer.flushes == 0
        hub.turn(0.0, 1.0)
        assert writer.flushes == 1

    def test_where_there_are_frames_it_is_flushed_at_their_end(self, frames: Frames) -> None:
        writer, other = Counter(), Counter()
        for _ in range(2):
            hub.writers.add(writer)
            hub.writers.add(other)
            assert len(frames.callbacks) == 1
            frames.end()
        assert (writer.flushes, other.flushes) == (2, 2)

    def test_what_was_sent_before_a_frame_is_flushed_before_it_waits(self) -> None:
        here, there = socket.socketpair()

        class Sender(Writer):
            def flush(self) -> None:
                here.send(b"x")

        hub.loop().add_reader(there, lambda: hub.loop().remove_reader(there))
        hub.writers.add(Sender())
        hub.host.frame_wait = 60.0  # Only what is flushed ends it before the test's time is over.
        start = time.monotonic()
        poll(frame=1)
        assert time.monotonic() - start < 30
        here.close()
        there.close()

    def test_a_frame_does_not_wait_while_something_is_still_to_be_handed_out(self) -> None:
        hub.loop()
        hub.host.frame_wait = 60.0
        hub.is_behind = True
        start = time.monotonic()
        poll(frame=1)
        assert time.monotonic() - start < 30
        assert not hub.is_behind, "the frame after it waits again"
        hub.poll(Delivery(lambda: None), 2)  # It has something, such as what was held back and may go on now.
        assert time.monotonic() - start < 30

    def test_a_handler_that_raises_does_not_keep_what_was_written(self) -> None:
        writer = Counter()

        def broken() -> None:
            hub.writers.add(writer)
            raise LookupError

        with pytest.raises(LookupError):
            poll(broken)
        assert (writer.flushes, hub.writers.polls) == (1, 0)


class TestThreads:
    @staticmethod
    def elsewhere(call_it: Callable[[], object]) -> None:
        other = threading.Thread(target=call_it)
        other.start()
        other.join()

    def test_a_poll_on_another_thread_does_nothing_and_says_so(self, caplog: pytest.LogCaptureFixture) -> None:
        delivered: list[str] = []
        hub.loop()
        poll(lambda: delivered.append("here"))
        self.elsewhere(lambda: poll(lambda: delivered.append("there")))
        poll(lambda: delivered.append("here"))
        assert delivered == ["here", "here"]
        assert caplog.messages == [
            "poll: only the thread that polls may call it (in Godot, the main one): use call_deferred"
        ]

    def test_the_thread_that_claims_the_hub_is_the_one_that_polls(self, caplog: pytest.LogCaptureFixture) -> None:
        hub.loop()
        hub.claim()
        self.elsewhere(poll)
        assert len(caplog.messages) == 1
        assert not hub.is_elsewhere()
        self.elsewhere(lambda: caplog.messages.append(str(hub.is_elsewhere())))

    def test_after_close_another_thread_may_poll(self, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(2):
            hub.loop()
            self.elsewhere(poll)
            hub.close(0.0)
        assert caplog.messages == []

    def test_call_soon_may_be_called_on_any_thread(self) -> None:
        calls: list[int] = []
        hub.loop()
        poll()
        self.elsewhere(lambda: hub.call_soon(lambda: calls.append(threading.get_ident())))
        poll()
        assert calls == [threading.get_ident()]


class TestClosing:
    def test_it_ends_everything_and_a_new_use_starts_again(self) -> None:
        for _ in range(2):
            server, client = WebSocketServer(), WebSocketClient()
            server.bind_address = "localhost"
            assert server.listen(0) == 0
            assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
            poll_until(lambda c=client: c.status == c.Status.STATUS_ACTIVE, server, client)  # type: ignore[misc]
            hub.close()
            assert (server.status, client.status) == (server.Status.STATUS_IDLE, client.Status.STATUS_IDLE)
            assert server.get_peer_count() == 0
            gc.collect()  # A socket left open would warn here, and warnings are errors.

    def test_it_says_goodbye(self) -> None:
        server, client = WebSocketServer(), WebSocketClient()
        server.bind_address = "localhost"
        assert server.listen(0) == 0
        assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
        poll_until(lambda: server.get_peer_count() == 1, server, client)
        codes: list[int] = []
        server.client_disconnected.connect(lambda peer_id: codes.append(server.peers[peer_id].get_close_code()))
        hub.close()
        assert codes == [1001]

    @needs_proc
    @pytest.mark.parametrize("uses_epoll", [True, False])
    def test_even_without_time_it_leaves_no_socket_open(self, uses_epoll: bool) -> None:
        before = sockets()
        hub.uses_epoll = uses_epoll
        server = WebSocketServer()
        server.bind_address = "localhost"
        assert server.listen(0) == 0
        clients = [WebSocketClient() for _ in range(20)]
        for client in clients:
            client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
        poll_until(
            lambda: all(client.status == 2 for client in clients) and server.get_peer_count() == 20, server, *clients
        )
        for peer_id in server.get_peer_ids()[:10]:
            server.disconnect_peer(peer_id)  # The clients of these wait for the end of TCP, and are idle.
        poll_until(lambda: any(client.status == 0 for client in clients), *clients)
        hub.close(0.0)
        hub.uses_epoll = True
        assert sockets() == before

    def test_what_was_sent_leaves_before(self) -> None:
        """A slow receiver has a second to take what was queued."""
        server = WebSocketServer()
        server.bind_address = "localhost"
        assert server.listen(0) == 0
        client = WebSocketClient()
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
        poll_until(lambda: server.get_peer_count() == 1, server, client)
        received: list[object] = []
        server.message_received.connect(lambda _peer_id, message: received.append(len(message)))
        client.send(bytes(1_000_000))
        client._shut_down()
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert received == [1_000_000]

    def test_a_hanging_name_resolution_does_not_keep_the_process_from_exiting(self) -> None:
        program = """
import socket, time
from ws_python import WebSocketClient
from ws_python.loop.hub import hub
def hang(*args, **hints):
    resolving.append(1)
    time.sleep(3600)
resolving = []
socket.getaddrinfo = hang
client = WebSocketClient()
assert client.connect_to_url("ws://example.com/") == 0
while not resolving:
    client.poll()
hub.close()
print("closed", client.status.name)
"""
        finished = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(PYTHON)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert (finished.stdout, finished.stderr, finished.returncode) == ("closed STATUS_IDLE\n", "", 0)


def test_connections_that_end_go_on_at_the_end_of_frames_when_nobody_polls(frames: Frames) -> None:
    server, client = WebSocketServer(), WebSocketClient()
    server.bind_address = "localhost"
    assert server.listen(0) == 0
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
    poll_until(lambda: server.get_peer_count() == 1, server, client)
    connection = client._connection
    assert connection is not None
    client._shut_down()
    server._shut_down()
    end = time.monotonic() + 10
    while connection.link is not None:
        assert time.monotonic() < end
        frames.end()
        time.sleep(0.001)
    for _ in range(3):
        frames.end()
    assert frames.callbacks == [], "then there is nothing more to do"
