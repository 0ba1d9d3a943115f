"""Tests of ws_python.connection.outbox: what is queued, refused, and leaves in one write."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode
from ws_python import Error, WebSocketServer
from ws_python.connection.outbox import Outbox
from ws_python.protocol.prepared import PreparedMessage

from tests.ws_python.driving import RawClient, named, needs_confirmation, poll_until, record


@pytest.fixture
def outbox(server: WebSocketServer, raw: RawClient) -> Outbox:
    (peer,) = server.peers.values()
    assert peer._connection is not None
    return peer._connection.outbox


def test_everything_leaves_in_order(server: WebSocketServer, raw: RawClient, outbox: Outbox) -> None:
    sent = [b"1", bytes(100_000), b"2", bytes(40_000), b"3"]
    for message in sent:
        assert outbox.send(message) == Error.OK
    assert outbox.send_prepared(PreparedMessage(b"4")) == Error.OK
    poll_until(lambda: len(raw.receive().frames) == 6, server)
    assert [frame.data for frame in raw.frames] == [*sent, b"4"]
    assert outbox.amount() == 0


def test_while_fragments_are_sent_no_message_comes_between(
    server: WebSocketServer, raw: RawClient, outbox: Outbox
) -> None:
    assert outbox.send_fragment(b"a", False) == Error.OK
    assert outbox.send(b"x") == Error.ERR_ALREADY_IN_USE
    assert outbox.send_prepared(PreparedMessage(b"x")) == Error.ERR_ALREADY_IN_USE
    assert outbox.ping(b"between") == Error.OK
    assert outbox.send_fragment(b"b", True) == Error.OK
    poll_until(lambda: len(raw.receive().frames) == 3, server)
    assert [frame.opcode for frame in raw.frames] == [Opcode.BINARY, Opcode.PING, Opcode.CONT]


def test_nothing_is_queued_beyond_the_limit() -> None:
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.outbound_buffer_size = 10_000
    assert server.listen(0) == 0
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer._connection is not None
    outbox = peer._connection.outbox
    assert outbox.send(bytes(9_000)) == Error.OK
    before = outbox.amount()
    too_much = bytes(1_000)
    assert outbox.send(too_much) == Error.ERR_BUSY
    assert outbox.send("x" * 1_000) == Error.ERR_BUSY
    assert outbox.send_prepared(PreparedMessage(too_much)) == Error.ERR_BUSY
    assert outbox.send_fragment(too_much, True) == Error.ERR_BUSY
    never = bytes(10_000)
    assert outbox.send(never) == Error.ERR_OUT_OF_MEMORY
    assert outbox.send("x" * 10_000) == Error.ERR_OUT_OF_MEMORY
    assert outbox.send_prepared(PreparedMessage(never)) == Error.ERR_OUT_OF_MEMORY
    assert outbox.send_fragment(never, True) == Error.ERR_OUT_OF_MEMORY
    assert outbox.amount() == before
    assert outbox.ping(bytes(100)) == Error.OK, "there is room for that"
    raw.close()


def test_a_pong_for_one_who_does_not_read_is_bounded(server: WebSocketServer) -> None:
    """RFC 6455 section 5.5.3: only the newest one is owed."""
    server.max_control_frames_per_second = 0
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer._connection is not None
    outbox = peer._connection.outbox
    ping = b"\x89\xfd\0\0\0\0" + bytes(125)
    raw.socket.setblocking(True)
    highest = 0
    for _ in range(300):
        raw.send_raw(ping * 1000)
        server.poll()
        highest = max(highest, outbox.amount())
    assert highest < 1_000_000
    assert server.get_peer_count() == 1
    raw.close()


def test_one_that_is_closed_refuses_everything(outbox: Outbox, server: WebSocketServer) -> None:
    (peer,) = server.peers.values()
    peer.close()
    for answer in (outbox.send("x"), outbox.send_fragment("x", True), outbox.ping(b"")):
        assert answer == Error.ERR_CONNECTION_ERROR


def test_what_a_gone_connection_had_queued_is_gone_with_it(server: WebSocketServer) -> None:
    raw = RawClient(server.get_local_port(), receive_buffer=4096)
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer._connection is not None
    assert peer.send(bytes(20_000_000)) == Error.OK
    assert peer._connection.outbox.amount() > 1_000_000
    raw.close()
    poll_until(lambda: server.get_peer_count() == 0, server)
    poll_until(lambda: peer._connection is not None and peer._connection.link is None, server)
    assert peer._connection.outbox.amount() == 0


SMALL_BUFFER = 4096


@pytest.fixture
def slow(server: WebSocketServer) -> Iterator[RawClient]:
    """A client that takes little, and only when a test lets it."""
    slow = RawClient(server.get_local_port(), receive_buffer=SMALL_BUFFER)
    slow.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    yield slow
    slow.close()


def only_outbox(server: WebSocketServer) -> Outbox:
    (peer,) = server.peers.values()
    assert peer._connection is not None
    return peer._connection.outbox


def settle(outbox: Outbox, server: WebSocketServer) -> None:
    """Poll until nothing leaves any more: whoever reads nothing has its buffer full."""
    before = -1
    while (amount := outbox.amount()) != before:
        before = amount
        for _ in range(20):
            server.poll()


def read_all(raw: RawClient, *nodes: WebSocketServer, last: bytes) -> list[bytes]:
    """The payloads of all frames up to one that is `last`."""
    poll_until(lambda: bool(raw.receive().frames) and raw.frames[-1].data == last, *nodes)
    return [bytes(frame.data) for frame in raw.frames]


@pytest.mark.usefixtures("network")
class TestSendLatest:
    def test_on_a_fast_connection_the_newest_of_each_frame_arrives(
        self, server: WebSocketServer, raw: RawClient
    ) -> None:
        outbox = only_outbox(server)
        for number in range(20):
            assert outbox.send_latest("a", b"old") == Error.OK
            assert outbox.send_latest("a", b"a%d" % number) == Error.OK
            assert outbox.send_latest("b", b"b%d" % number) == Error.OK
            poll_until(lambda: outbox.amount() == 0, server)
        expected = [b"%c%d" % (key, number) for number in range(20) for key in b"ab"]
        assert read_all(raw, server, last=b"b19") == expected

    @needs_confirmation
    def test_on_a_slow_one_it_is_not_late_by_a_queue(self, server: WebSocketServer, slow: RawClient) -> None:
        """10 MB in all, of which its own buffer takes a few KB, and what is on its way is one message or two."""
        outbox = only_outbox(server)
        for number in range(10_000):
            assert outbox.send_latest("a", b"%06d" % number + bytes(1000)) == Error.OK
            server.poll()
        assert outbox.amount() < 1100
        got = read_all(slow, server, last=b"%06d" % 9999 + bytes(1000))
        numbers = [int(payload[:6]) for payload in got]
        assert numbers == sorted(numbers)
        assert len(numbers) < 100

    def test_it_leaves_behind_what_was_sent_before(self, server: WebSocketServer, slow: RawClient) -> None:
        outbox = only_outbox(server)
        assert outbox.send_latest("a", b"old") == Error.OK
        assert outbox.send(bytes(8_000_000)) == Error.OK
        assert outbox.send_latest("a", b"new") == Error.OK
        assert read_all(slow, server, last=b"new") == [bytes(8_000_000), b"new"]

    def test_messages_of_each_frame_do_not_hold_it_up_for_ever(self, server: WebSocketServer, slow: RawClient) -> None:
        """The receiver takes less than send() is given: in no frame has the system nothing left to send."""
        outbox = only_outbox(server)
        assert outbox.send(bytes(20_000)) == Error.OK
        server.poll()
        assert outbox.send_latest("a", b"state") == Error.OK

        def goes_on() -> bool:
            assert outbox.send(bytes(500)) == Error.OK
            with contextlib.suppress(BlockingIOError):
                slow.protocol.receive_data(slow.socket.recv(400))
            slow.frames += [frame for frame in slow.protocol.events_received() if isinstance(frame, Frame)]
            return any(frame.data == b"state" for frame in slow.frames)

        poll_until(goes_on, server, deadline=60.0)

    @needs_confirmation
    def test_one_that_is_on_its_way_for_long_is_followed_by_the_newest(
        self, server: WebSocketServer, slow: RawClient
    ) -> None:
        """Large messages on a slow connection: each is under way for a second, and others are sent meanwhile."""
        outbox = only_outbox(server)
        begin = time.monotonic()
        number = 0

        def takes_little() -> bool:
            nonlocal number
            number += 1
            assert outbox.send_latest("a", b"%06d" % number + bytes(300_000)) == Error.OK
            assert outbox.send(b"chat") == Error.OK
            with contextlib.suppress(BlockingIOError):
                slow.protocol.receive_data(slow.socket.recv(2000))
            slow.frames += [frame for frame in slow.protocol.events_received() if isinstance(frame, Frame)]
            return time.monotonic() > begin + 4

        poll_until(takes_little, server)
        assert outbox.send_latest("a", b"newest") == Error.OK
        got = len(slow.frames)
        poll_until(lambda: b"newest" in [frame.data for frame in slow.receive().frames], server)
        states = [frame.data for frame in slow.frames[got:] if len(frame.data) > 1000]
        assert len(states) <= 2, "what was on its way"

    def test_it_is_counted_and_bounded_in_bytes(self, small: tuple[WebSocketServer, RawClient]) -> None:
        server, _raw = small
        outbox = only_outbox(server)
        assert outbox.send_fragment(b"", False) == Error.OK, "so that nothing leaves"
        assert outbox.send_latest("a", bytes(6000)) == Error.OK
        assert 6000 < outbox.amount() < 6100
        assert outbox.send_latest("b", bytes(6000)) == Error.ERR_BUSY
        assert outbox.send_latest("a", bytes(9000)) == Error.OK, "it replaces the other"
        assert 9000 < outbox.amount() < 9100
        assert outbox.send_latest("a", bytes(10_000)) == Error.ERR_OUT_OF_MEMORY
        assert outbox.send_latest("a", bytes(10)) == Error.OK
        assert outbox.amount() < 100

    def test_keys_are_bounded(self, server: WebSocketServer, raw: RawClient) -> None:
        outbox = only_outbox(server)
        log = record(server)
        for key in range(4096):
            assert outbox.send_latest(key, b"") == Error.OK
        assert outbox.send_latest(4096, b"") == Error.ERR_BUSY
        assert outbox.send_latest(0, b"last of 0") == Error.OK
        poll_until(lambda: len(raw.receive().frames) == 4096, server)
        assert raw.frames[0].data == b"last of 0"
        poll_until(lambda: len(named(log, "peer_drained")) == 1, server)

    def test_what_it_cannot_take(self, server: WebSocketServer, raw: RawClient) -> None:
        outbox = only_outbox(server)
        assert outbox.send_latest("a", 5) == Error.ERR_INVALID_PARAMETER
        assert outbox.send_latest("a", "\ud800") == Error.ERR_INVALID_DATA
        assert outbox.amount() == 0

    def test_a_message_that_changes_after_it_was_sent(self, server: WebSocketServer, raw: RawClient) -> None:
        message = bytearray(b"then")
        assert only_outbox(server).send_latest("a", message) == Error.OK
        message[:] = b"late"
        assert read_all(raw, server, last=b"then") == [b"then"]

    def test_it_does_not_break_into_a_fragmented_message(self, server: WebSocketServer, raw: RawClient) -> None:
        outbox = only_outbox(server)
        assert outbox.send_fragment("a", False) == Error.OK
        assert outbox.send_latest("k", "old") == Error.OK
        poll_until(lambda: len(raw.receive().frames) == 1, server)
        for _ in range(10):
            server.poll()
        assert outbox.send_latest("k", "state") == Error.OK
        assert outbox.send_fragment("b", True) == Error.OK
        assert read_all(raw, server, last=b"state") == [b"a", b"b", b"state"]
        assert [frame.opcode for frame in raw.frames] == [Opcode.TEXT, Opcode.CONT, Opcode.TEXT]

    def test_it_leaves_before_a_close(self, server: WebSocketServer, slow: RawClient) -> None:
        outbox = only_outbox(server)
        assert outbox.send(bytes(8_000_000)) == Error.OK
        server.poll()
        assert outbox.send_latest("a", b"old") == Error.OK
        assert outbox.send_latest("a", b"last") == Error.OK
        (peer,) = server.peers.values()
        assert peer.close(4000, "") == Error.OK
        assert outbox.send_latest("a", b"too late") == Error.ERR_CONNECTION_ERROR
        poll_until(lambda: bool(slow.receive().frames) and slow.frames[-1].opcode == Opcode.CLOSE, server)
        assert [frame.data for frame in slow.frames[-2:]] == [b"last", (4000).to_bytes(2, "big")]

    def test_a_close_in_the_middle_of_a_fragmented_message_sends_none(
        self, server: WebSocketServer, raw: RawClient
    ) -> None:
        outbox = only_outbox(server)
        assert outbox.send_fragment("a", False) == Error.OK
        assert outbox.send_latest("k", "state") == Error.OK
        server.stop()
        poll_until(lambda: raw.receive().eof, server)
        assert [frame.opcode for frame in raw.frames] == [Opcode.TEXT]
        assert str(raw.protocol.parser_exc) == "incomplete fragmented message", "a close frame came"
        assert outbox.amount() == 0

    def test_what_waits_goes_with_the_connection(self, server: WebSocketServer, slow: RawClient) -> None:
        outbox = only_outbox(server)
        assert outbox.send(bytes(8_000_000)) == Error.OK
        assert outbox.send_latest("a", bytes(1000)) == Error.OK
        slow.close()
        poll_until(lambda: server.get_peer_count() == 0, server)
        poll_until(lambda: outbox.amount() == 0, server)


@pytest.fixture
def small() -> Iterator[tuple[WebSocketServer, RawClient]]:
    """A server whose outbound buffers are small, and a client of it that takes little."""
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.outbound_buffer_size = 10_000
    assert server.listen(0) == 0
    raw = RawClient(server.get_local_port(), receive_buffer=SMALL_BUFFER)
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    yield server, raw
    raw.close()
    server.stop()


def fill(outbox: Outbox, server: WebSocketServer, size: int = 1000) -> int:
    """Send and poll until nothing more leaves and fits: how many messages were queued."""
    count = 0
    while True:
        queued = 0
        while outbox.send(bytes(size)) == Error.OK:
            queued += 1
        if not queued:
            return count
        count += queued
        for _ in range(20):
            server.poll()


@pytest.mark.usefixtures("network")
class TestDrained:
    def test_it_is_told_once_for_each_time_that_it_was_full(self, small: tuple[WebSocketServer, RawClient]) -> None:
        server, raw = small
        outbox, log = only_outbox(server), record(server)
        (peer,) = server.peers.values()
        peer_log = record(peer)
        for _ in range(3):
            fill(outbox, server)
            before = len(named(log, "peer_drained"))
            assert server._counts["outbound_buffer_full"] == before + 1, "it is full"
            for _ in range(20):
                assert outbox.send(bytes(1000)) == Error.ERR_BUSY
                server.poll()
            assert len(named(log, "peer_drained")) == before
            poll_until(lambda: bool(raw.receive()) and outbox.amount() == 0, server)
            for _ in range(20):
                server.poll()
            assert len(named(log, "peer_drained")) == before + 1
        assert named(log, "peer_drained") == [(peer.peer_id,)] * len(named(peer_log, "drained"))

    def test_not_before_half_is_free(self, small: tuple[WebSocketServer, RawClient]) -> None:
        server, raw = small
        outbox = only_outbox(server)
        amounts: list[int] = []
        fill(outbox, server, 100)
        server.peer_drained.connect(lambda _id: amounts.append(outbox.amount()))
        poll_until(lambda: bool(raw.receive()) and bool(amounts), server)
        assert amounts[0] <= 5000

    def test_not_before_there_is_room_for_what_was_refused(self, small: tuple[WebSocketServer, RawClient]) -> None:
        server, raw = small
        outbox = only_outbox(server)
        answers: list[Error] = []
        fill(outbox, server, 100)
        server.peer_drained.connect(lambda _id: answers.append(outbox.send(bytes(9900))))
        assert outbox.send(bytes(9900)) == Error.ERR_BUSY
        poll_until(lambda: bool(raw.receive()) and bool(answers), server)
        assert answers == [Error.OK]

    def test_a_handler_that_fills_it_again_is_told_again(self, small: tuple[WebSocketServer, RawClient]) -> None:
        server, raw = small
        outbox = only_outbox(server)
        sent = 0
        told = 0

        def go_on(_id: int = 0) -> None:
            nonlocal sent, told
            told += 1
            while sent < 300 and outbox.send(b"%04d" % sent + bytes(996)) == Error.OK:
                sent += 1

        server.peer_drained.connect(go_on)
        go_on()
        poll_until(lambda: len(raw.receive().frames) == 300, server)
        assert [int(frame.data[:4]) for frame in raw.frames] == list(range(300))
        assert 10 <= told < 150

    def test_a_close_while_it_is_full_tells_none(self, small: tuple[WebSocketServer, RawClient]) -> None:
        server, raw = small
        (peer,) = server.peers.values()
        fill(only_outbox(server), server)
        log = record(server)
        peer.close()
        poll_until(lambda: bool(raw.receive()) and bool(named(log, "client_disconnected")), server)
        assert named(log, "peer_drained") == []

    def test_the_log_tells_it_once_a_stall(
        self, small: tuple[WebSocketServer, RawClient], caplog: pytest.LogCaptureFixture
    ) -> None:
        server, raw = small
        (peer,) = server.peers.values()
        outbox = only_outbox(server)
        for stall in range(1, 3):
            fill(outbox, server)
            for _ in range(50):
                assert peer.send(bytes(9000)) == Error.ERR_BUSY
                assert server.send(0, bytes(9000)) == Error.ERR_BUSY
            assert len(caplog.messages) == stall
            end = time.monotonic() + 1.5
            poll_until(lambda: bool(raw.receive()) and time.monotonic() > end and outbox.amount() == 0, server)  # noqa: B023

    def test_many_stalls_do_not_fill_the_log(
        self, small: tuple[WebSocketServer, RawClient], caplog: pytest.LogCaptureFixture
    ) -> None:
        """At most a line in a second: whoever reads in jerks may stall often."""
        server, raw = small
        (peer,) = server.peers.values()
        begin = time.monotonic()
        while server._counts["outbound_buffer_full"] < 50:
            while peer.send(bytes(1000)) == Error.OK:
                pass
            raw.receive()
            server.poll()
        assert len(caplog.messages) <= 2 + time.monotonic() - begin


def test_one_who_is_full_keeps_nobody_from_a_broadcast(small: tuple[WebSocketServer, RawClient]) -> None:
    server, _stalled = small
    server.slow_peer_timeout = 0.0
    fill(only_outbox(server), server)
    (stalled_id,) = server.get_peer_ids()
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 2, server)
    for number in range(50):
        assert server.send(0, b"%d" % number + bytes(2000)) == Error.ERR_BUSY
        assert server.send(-stalled_id, b"!") == Error.OK
        assert server.send_latest(0, "k", b"-" + bytes(5000)) == Error.ERR_BUSY
        count = len(raw.frames)
        poll_until(lambda: len(raw.receive().frames) >= count + 3, server)  # noqa: B023
    expected = [b"%d" % number + bytes(2000) for number in range(50)]
    assert [frame.data for frame in raw.frames[::3]] == expected
    assert {bytes(frame.data) for frame in raw.frames[1::3]} == {b"!"}
    assert {bytes(frame.data) for frame in raw.frames[2::3]} == {b"-" + bytes(5000)}
    raw.close()
