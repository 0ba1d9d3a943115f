"""Tests of ws_python.features.limits: unfinished messages come to an end, and take no more memory than they may."""

from __future__ import annotations

import time

import pytest
from websockets.frames import Frame, Opcode
from ws_python import WebSocketServer

from tests.ws_python.driving import RawClient, listening, poll_until


def connect(server: WebSocketServer) -> RawClient:
    count = server.get_peer_count()
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == count + 1, server)
    return raw


def begin(raw: RawClient, size: int) -> None:
    raw.send_raw(Frame(Opcode.BINARY, bytes(size), fin=False).serialize(mask=True))


def close_code(raw: RawClient) -> int | None:
    close = raw.receive().protocol.close_rcvd
    return None if close is None else close.code


class TestTimeout:
    def test_a_message_that_does_not_end_closes_its_connection(self, caplog: pytest.LogCaptureFixture) -> None:
        server = listening(unfinished_timeout=0.2, heartbeat_interval=0.1)
        raw, other = connect(server), connect(server)
        begin(raw, 10)

        def trickled() -> bool:
            other.receive()
            if raw.receive().protocol.close_rcvd is None:
                raw.send(Opcode.CONT, b"x", fin=False)
            return close_code(raw) is not None

        poll_until(trickled, server)
        assert close_code(raw) == 1008
        poll_until(lambda: server.get_peer_count() == 1, server)
        assert close_code(other) is None
        assert server._counts["closed_unfinished_timeout"] == 1
        assert "unfinished_timeout is 0.2: closed with 1008" in caplog.text
        raw.close()
        other.close()

    def test_messages_that_end_in_time_close_nothing(self) -> None:
        server = listening(unfinished_timeout=0.4, heartbeat_interval=0.1)
        raw = connect(server)
        end = time.monotonic() + 1.0

        def one_after_another() -> bool:
            raw.receive()
            raw.send(Opcode.BINARY, b"", fin=False)
            raw.send(Opcode.CONT, b"")
            return time.monotonic() > end

        poll_until(one_after_another, server)
        assert server.get_peer_count() == 1
        raw.close()


class TestSize:
    def test_beyond_it_the_largest_goes(self) -> None:
        server = listening(max_unfinished_size=500_000)
        small, large, last = connect(server), connect(server), connect(server)
        begin(small, 100_000)
        begin(large, 300_000)
        poll_until(lambda: server._inbox.waiting.unfinished >= 400_000, server)
        begin(last, 150_000)
        poll_until(lambda: server.get_peer_count() <= 2, server)
        poll_until(lambda: close_code(large) is not None, server)
        assert close_code(large) == 1009
        assert server._inbox.waiting.unfinished <= 500_000
        for raw in (small, large, last):
            raw.close()

    @pytest.mark.parametrize("count", [20])
    def test_many_strangers_take_no_more_than_that(self, count: int) -> None:
        """What each may take, 1 MiB, lies far below; together it would be 10 MB."""
        server = listening(max_unfinished_size=2_000_000)
        raws = [connect(server) for _ in range(count)]
        highest = 0
        for raw in raws:
            raw.socket.setblocking(True)
            begin(raw, 500_000)
            raw.socket.setblocking(False)
            for _ in range(5):
                server.poll()
                highest = max(highest, server._inbox.waiting.unfinished)
        poll_until(lambda: all(raw.receive() for raw in raws) and server.get_peer_count() <= 4, server)
        assert highest < 3_000_000
        assert server._inbox.waiting.unfinished <= 2_000_000
        for raw in raws:
            raw.close()
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert server._inbox.waiting.unfinished == 0
