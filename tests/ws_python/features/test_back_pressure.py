"""Tests of ws_python.features.back_pressure: who takes nothing is closed, who is slow or kept waiting is not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode
from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.phase import Phase

from tests.chaos.harness import RawServer
from tests.ws_python.driving import IS_WINE, RawClient, named, needs_confirmation, poll_until, record

SMALL_BUFFER = 4096
# Seconds: many times what a poll takes.
TIMEOUT = 2.0 if IS_WINE else 0.4
# More than any system takes for somebody who does not read.
MUCH = bytes(12_000_000)


@pytest.fixture
def server() -> WebSocketServer:
    """One with little patience."""
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.slow_peer_timeout = TIMEOUT
    assert server.listen(0) == 0
    return server


@pytest.fixture
def slow(server: WebSocketServer) -> Iterator[RawClient]:
    """A client that reads only when a test lets it."""
    slow = RawClient(server.get_local_port(), receive_buffer=SMALL_BUFFER)
    slow.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    yield slow
    slow.close()


def poll_for(seconds: float, *nodes: WebSocketServer | WebSocketClient) -> None:
    end = time.monotonic() + seconds
    poll_until(lambda: time.monotonic() >= end, *nodes)


def endings(server: WebSocketServer) -> list[tuple[int, str]]:
    """A list that grows by the close code and reason of each peer that is gone."""
    found: list[tuple[int, str]] = []

    def disconnected(peer_id: int) -> None:
        peer = server.peers[peer_id]
        found.append((peer.get_close_code(), peer.get_close_reason()))

    server.client_disconnected.connect(disconnected)
    return found


def test_it_is_on_by_default() -> None:
    for node in (WebSocketServer(), WebSocketClient()):
        assert node.slow_peer_timeout == 30.0


@pytest.mark.usefixtures("network")
class TestServer:
    def test_who_takes_nothing_is_closed_and_gone_at_once(self, server: WebSocketServer, slow: RawClient) -> None:
        ended = endings(server)
        (peer,) = server.peers.values()
        connection = peer._connection
        assert connection is not None
        begin = time.monotonic()
        assert peer.send(MUCH) == 0
        poll_until(lambda: bool(ended), server)
        assert time.monotonic() - begin >= TIMEOUT
        assert ended == [(1008, "nothing was taken within slow_peer_timeout")]
        assert connection.phase is Phase.GONE
        assert connection.outbox.amount() == 0
        assert server._counts["closed_slow_peer"] == 1

    @needs_confirmation
    def test_also_where_only_the_system_holds_anything(self, server: WebSocketServer, slow: RawClient) -> None:
        """Then the close frame stands behind that: who reads late learns of it."""
        ended = endings(server)
        (peer,) = server.peers.values()
        assert peer.send(bytes(500_000)) == 0
        poll_until(lambda: bool(ended) and peer.get_current_outbound_buffered_amount() == 0, server)
        assert ended[0][0] == 1008
        poll_until(lambda: slow.receive().protocol.close_rcvd is not None, server)
        assert slow.protocol.close_rcvd is not None
        assert slow.protocol.close_rcvd.code == 1008

    def test_who_sends_and_reads_nothing_is_closed(self, server: WebSocketServer, slow: RawClient) -> None:
        """To the heartbeat it is there."""
        ended = endings(server)
        assert server.send(0, MUCH) == 0

        def talks() -> bool:
            with contextlib.suppress(OSError):
                slow.send(Opcode.BINARY, b"x")
            return bool(ended)

        poll_until(talks, server)
        assert ended[0][0] == 1008

    def test_also_where_it_sends_so_much_that_reading_pauses(self, server: WebSocketServer, slow: RawClient) -> None:
        ended = endings(server)
        assert server.send(0, MUCH) == 0
        messages = Frame(Opcode.BINARY, b"x").serialize(mask=True) * 3000
        rest = memoryview(messages)

        def floods() -> bool:
            nonlocal rest
            with contextlib.suppress(OSError):
                rest = rest[slow.socket.send(rest) :] or memoryview(messages)
            return bool(ended)

        poll_until(floods, server, deadline=60.0)
        assert ended[0][0] == 1008

    def test_state_that_waits_is_something(self, server: WebSocketServer, slow: RawClient) -> None:
        ended = endings(server)

        def goes_on() -> bool:
            server.send_latest(0, "state", bytes(100_000))
            return bool(ended)

        poll_until(goes_on, server)
        assert ended[0][0] == 1008

    @needs_confirmation
    def test_who_takes_little_by_little_stays(self, server: WebSocketServer, slow: RawClient) -> None:
        server.slow_peer_timeout = 3.0  # This process may get no processor for longer than TIMEOUT.
        assert server.send(0, MUCH) == 0
        end = time.monotonic() + 6.0
        taken = 0

        def take_some() -> bool:
            nonlocal taken
            with contextlib.suppress(BlockingIOError):
                taken += len(slow.socket.recv(512))
            return time.monotonic() > end

        poll_until(take_some, server)
        assert 0 < taken < len(MUCH)
        assert server.get_peer_count() == 1

    def test_who_has_nothing_to_take_stays(self, server: WebSocketServer, slow: RawClient) -> None:
        assert server.send(0, b"a little") == 0
        poll_for(3 * TIMEOUT, server)
        assert server.get_peer_count() == 1

    def test_zero_closes_nobody(self, server: WebSocketServer, slow: RawClient) -> None:
        server.slow_peer_timeout = 0.0
        assert server.send(0, MUCH) == 0
        poll_for(3 * TIMEOUT, server)
        assert server.get_peer_count() == 1
        server.slow_peer_timeout = TIMEOUT
        poll_until(lambda: server.get_peer_count() == 0, server)

    def test_a_busy_main_thread_closes_nobody(self, server: WebSocketServer, slow: RawClient) -> None:
        assert server.send(0, MUCH) == 0
        poll_for(TIMEOUT / 4, server)
        time.sleep(3 * TIMEOUT)
        for _ in range(3):
            server.poll()
        assert server.get_peer_count() == 1

    def test_an_unfinished_message_of_ours_is_not_its_fault(self, server: WebSocketServer, slow: RawClient) -> None:
        (peer,) = server.peers.values()
        assert peer.send_fragment("a", False) == 0
        assert peer.send_latest("k", "waits for the end") == 0
        poll_for(3 * TIMEOUT, server)
        assert server.get_peer_count() == 1

    def test_who_waits_for_us_to_read_is_not_closed(self, server: WebSocketServer, slow: RawClient) -> None:
        """Its messages wait for the game, and it reads when they are taken."""
        assert server.send(0, MUCH) == 0
        slow.send_raw(Frame(Opcode.BINARY, b"x").serialize(mask=True) * 5000)
        other = WebSocketClient()  # It turns the loop.
        end = time.monotonic() + 3 * TIMEOUT
        poll_until(lambda: time.monotonic() > end, other)
        log = record(server)
        poll_until(lambda: len(named(log, "message_received")) == 5000, server)
        assert named(log, "client_disconnected") == []

    def test_others_notice_nothing(self, server: WebSocketServer, slow: RawClient) -> None:
        (slow_id,) = server.get_peer_ids()
        other = RawClient(server.get_local_port())
        other.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 2, server)
        ended = endings(server)
        assert server.send(slow_id, MUCH) == 0
        sent = 0

        def broadcast() -> bool:
            nonlocal sent
            if not ended:
                assert server.send(0, b"%d" % sent) == 0
                sent += 1
            return bool(ended) and len(other.receive().frames) == sent

        poll_until(broadcast, server)
        assert [frame.data for frame in other.frames] == [b"%d" % number for number in range(sent)]
        assert server.get_peer_count() == 1
        other.close()

    def test_a_handler_of_its_end_may_stop_the_server(self, server: WebSocketServer, slow: RawClient) -> None:
        server.client_disconnected.connect(lambda _id: server.stop())
        assert server.send(0, MUCH) == 0
        poll_until(lambda: not server.is_listening(), server)
        assert server.get_peer_count() == 0


def test_a_client_leaves_a_server_that_takes_nothing() -> None:
    client = WebSocketClient()
    client.slow_peer_timeout = TIMEOUT
    log = record(client)
    with RawServer(receive_buffer=SMALL_BUFFER) as there:
        assert client.connect_to_url(there.url) == 0
        there.accept(client)
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client)
        assert client.send(MUCH) == 0
        poll_until(lambda: bool(named(log, "connection_closed")), client)
        assert client.get_close_code() == 1008
        assert client.status == client.Status.STATUS_IDLE
