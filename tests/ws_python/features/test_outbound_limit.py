"""Tests of ws_python.features.outbound_limit: what waits for all slow receivers together is bounded."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest
from websockets.frames import Frame, Opcode
from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.phase import Phase
from ws_python.loop.hub import hub

from tests.ws_python.driving import RawClient, listening, named, poll_until, record, socket_of

MIB = 1024 * 1024
SMALL_BUFFER = 4096
# More than any system takes for somebody who does not read.
MUCH = 12_000_000
Join = Callable[[WebSocketServer], tuple[int, RawClient]]


@pytest.fixture
def join() -> Iterator[Join]:
    """Connects one that reads only when a test lets it: its id, and itself."""
    joined: list[RawClient] = []

    def connect(server: WebSocketServer) -> tuple[int, RawClient]:
        before = set(server.get_peer_ids())
        raw = RawClient(server.get_local_port(), receive_buffer=SMALL_BUFFER)
        joined.append(raw)
        raw.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == len(before) + 1, server)
        (peer_id,) = set(server.get_peer_ids()) - before
        return peer_id, raw

    yield connect
    for raw in joined:
        raw.close()


def waiting(server: WebSocketServer) -> int:
    return sum(connection.outbox.amount() for connection in {*server._connections, *hub.lingering})


def endings(server: WebSocketServer) -> dict[int, tuple[int, str]]:
    """The close codes and reasons of the peers that are gone, by their ids: it grows."""
    found: dict[int, tuple[int, str]] = {}

    def disconnected(peer_id: int) -> None:
        peer = server.peers[peer_id]
        found[peer_id] = peer.get_close_code(), peer.get_close_reason()

    server.client_disconnected.connect(disconnected)
    return found


def test_it_is_on_by_default() -> None:
    assert WebSocketServer().max_outbound_size == 256 * MIB


@pytest.mark.usefixtures("network")
class TestLimit:
    def test_beyond_it_the_one_for_whom_most_waits_goes(self, join: Join, caplog: pytest.LogCaptureFixture) -> None:
        server = listening(max_outbound_size=3 * MUCH)
        ended = endings(server)
        (small, _), (large, _), (last, _), (reading, reader) = (join(server) for _ in range(4))
        for peer_id, size in ((small, MUCH), (large, 2 * MUCH), (last, MUCH)):
            assert server.send(peer_id, bytes(size)) == 0
        poll_until(lambda: bool(ended), server)
        assert ended == {large: (1008, "more waited to be sent than max_outbound_size allows")}
        assert waiting(server) <= 3 * MUCH
        assert server._counts["closed_max_outbound_size"] == 1
        assert f"peer {large} (127.0.0.1): " in caplog.text
        assert f"max_outbound_size is {3 * MUCH}: closed with 1008" in caplog.text
        assert server.send(reading, "still here") == 0
        poll_until(lambda: [frame.data for frame in reader.receive().frames] == [b"still here"], server)
        assert server.get_peer_count() == 3

    def test_what_one_asks_for_again_and_again(self, join: Join) -> None:
        server = listening(max_outbound_size=8 * MIB, max_messages_per_second=0)
        server.message_received.connect(server.send)
        raws = [join(server)[1] for _ in range(10)]
        ended = endings(server)
        flood = Frame(Opcode.BINARY, bytes(20_000)).serialize(mask=True) * 10
        # What begins in the middle of a frame is no protocol any more: of each what it has still to send.
        left = dict.fromkeys(raws, flood)
        highest = 0

        def many_are_gone() -> bool:
            nonlocal highest
            for raw in raws:
                with contextlib.suppress(OSError):
                    left[raw] = left[raw][raw.socket.send(left[raw]) :] or flood
            highest = max(highest, waiting(server))
            return len(ended) >= 5

        poll_until(many_are_gone, server, deadline=30.0)
        assert {code for code, _ in ended.values()} == {1008}
        # What one poll brings, and the sixteenth that it may grow by.
        assert highest <= 12 * MIB

    def test_all_at_once(self, join: Join) -> None:
        server = listening(max_outbound_size=3 * MUCH)
        ended = endings(server)
        for _ in range(6):
            join(server)
        assert server.send(0, bytes(MUCH)) == 0
        server.poll()
        poll_until(lambda: bool(ended), server)
        assert waiting(server) <= 3 * MUCH
        assert server.get_peer_count() == 3

    def test_text_is_counted_as_it_is_queued(self, join: Join) -> None:
        server = listening(max_outbound_size=2 * MUCH)
        for _ in range(3):
            join(server)
        assert server.send(0, "x" * MUCH) == 0
        poll_until(lambda: server.get_peer_count() == 2, server)

    def test_state_that_waits_is_counted(self, join: Join) -> None:
        server = listening(max_outbound_size=MIB)
        ended = endings(server)
        peer_id, _ = join(server)
        join(server)

        def state() -> bool:
            for key in range(40):
                server.send_latest(peer_id, key, bytes(50_000))
            return bool(ended)

        poll_until(state, server)
        assert [*ended] == [peer_id]

    def test_who_takes_what_waits_may_have_more(self, join: Join) -> None:
        """Many times the limit, one after the other."""
        server = listening(max_outbound_size=2 * MUCH)
        peer_id, raw = join(server)
        for number in range(4):
            assert server.send(peer_id, bytes(MUCH)) == 0
            poll_until(lambda: len(raw.receive().frames) == number + 1, server, deadline=30.0)  # noqa: B023
        assert server.get_peer_count() == 1

    def test_none(self, join: Join) -> None:
        server = listening(max_outbound_size=0)
        for _ in range(3):
            join(server)
        assert server.send(0, bytes(2 * MUCH)) == 0
        for _ in range(50):
            server.poll()
        assert server.get_peer_count() == 3
        assert waiting(server) > 3 * MUCH

    def test_lowered_while_it_waits(self, join: Join) -> None:
        server = listening()
        for _ in range(3):
            join(server)
        assert server.send(0, bytes(MUCH)) == 0
        server.poll()
        server.max_outbound_size = 2 * MUCH
        poll_until(lambda: server.get_peer_count() == 2, server)

    def test_who_says_goodbye_does_not_get_around_it(self, join: Join) -> None:
        """What waits for them waits on, for `close_timeout`."""
        server = listening(max_outbound_size=2 * MUCH, close_timeout=300.0)
        ended = endings(server)
        for count in range(1, 5):
            peer_id, raw = join(server)
            assert server.send(peer_id, bytes(MUCH)) == 0
            server.poll()
            raw.send(Opcode.CLOSE, b"\x03\xe8")
            poll_until(lambda: len(ended) == count, server)  # noqa: B023
            assert waiting(server) <= 2 * MUCH
        assert server._counts["closed_max_outbound_size"] >= 2
        connections = list(hub.lingering)
        assert len(connections) <= 2
        assert {connection.phase for connection in connections} == {Phase.ENDING}

    def test_a_handler_of_an_end_may_stop_the_server(self, join: Join) -> None:
        server = listening(max_outbound_size=MUCH)
        for _ in range(3):
            join(server)
        server.client_disconnected.connect(lambda _id: server.stop())
        assert server.send(0, bytes(MUCH)) == 0
        poll_until(lambda: not server.is_listening(), server)
        assert server.get_peer_count() == 0
        assert server.listen(0) == 0
        join(server)
        assert server.send(0, "again") == 0

    def test_a_handler_of_an_end_sends_more(self, join: Join) -> None:
        server = listening(max_outbound_size=2 * MUCH)
        log = record(server)
        for _ in range(5):
            join(server)
        server.client_disconnected.connect(lambda _id: server.send(0, bytes(MUCH)))
        assert server.send(0, bytes(MUCH)) == 0
        poll_until(lambda: server.get_peer_count() <= 1, server)
        assert waiting(server) <= 2 * MUCH
        ids = named(log, "client_disconnected")
        assert len(ids) == len(set(ids)) == 5 - server.get_peer_count()


@pytest.mark.parametrize("kind", [bytes, str])
def test_what_waits_again_is_counted_again(join: Join, kind: type) -> None:
    """As much as before, after all of it was taken in one go."""
    step, rest = 10_000, 100_000
    server = listening(max_outbound_size=2 * rest)
    capacity = 0
    for _ in range(3):
        peer_id, raw = join(server)
        peer = server.peers[peer_id]
        assert peer._connection is not None and peer._connection.link is not None
        with socket_of(peer._connection.link) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)  # So that the system takes as much again.
        sent = 0
        while peer.get_current_outbound_buffered_amount() < rest:
            assert server.send(peer_id, bytes(step)) == 0
            server.poll()
            sent += 1
        capacity = max(capacity, sent * step - peer.get_current_outbound_buffered_amount())
        poll_until(lambda: len(raw.receive().frames) == sent, server)  # noqa: B023
    assert server.get_peer_count() == 3
    size = capacity + rest
    assert server.send(0, bytes(size) if kind is bytes else "x" * size) == 0
    poll_until(lambda: server.get_peer_count() < 3, server)


def test_each_server_has_its_own(join: Join) -> None:
    server, other = listening(max_outbound_size=MUCH), listening(max_outbound_size=MUCH // 2)
    clients = WebSocketClient(), WebSocketClient()
    for node in (server, other):
        join(node)
    assert server.send(0, bytes(MUCH - 1000)) == 0
    for _ in range(20):
        server.poll()
        other.poll()
    assert (server.get_peer_count(), other.get_peer_count()) == (1, 1)
    assert not hasattr(clients[0], "max_outbound_size")
