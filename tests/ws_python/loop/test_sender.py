"""Tests of ws_python.loop.sender, with a server that sends to many at the ends of frames."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.frames import CloseCode, Frame, Opcode
from ws_python import Error, WebSocketPeer, WebSocketServer, WebSocketSimulation
from ws_python.loop.hub import hub

from ..driving import RawClient, listening, needs_confirmation, needs_resets, poll_until, record, reset_at_close
from .test_hub import Frames

# More than from where on the thread sends.
PEERS = 12


class Crowd:
    """A server in a host with frames, and bare sockets that it knows as its peers."""

    def __init__(self, frames: Frames, **settings: Any) -> None:
        self.frames = frames
        self.server: WebSocketServer = listening(**settings)
        self.raws: list[RawClient] = []
        self.peers: list[WebSocketPeer] = []
        for number in range(PEERS):
            raw = RawClient(self.server.get_local_port())
            raw.shake_hands(self)
            poll_until(lambda: self.server.get_peer_count() == number + 1, self)  # noqa: B023
            self.raws.append(raw)
        for peer_id in self.server.get_peer_ids():
            peer = self.server.get_peer(peer_id)
            assert peer is not None
            self.peers.append(peer)
        # No more happens at a frame's end than what is sent there.
        self.frames.end()

    def poll(self) -> None:
        """A frame in which nothing is sent."""
        self.server.poll()

    def send(self, *messages: bytes) -> None:
        """As a game does it, behind the poll: it leaves at the end of the frame."""
        for peer in self.peers:
            for message in messages:
                assert peer.send(message) == Error.OK

    def end_frame(self) -> None:
        self.frames.end()
        assert hub.writers.sender.is_running

    def check(self, *messages: bytes, number: int = 0) -> None:
        """That is what a peer has got, all in all."""
        raw = self.raws[number]
        poll_until(lambda: len(self.got(raw.receive())) >= len(messages), self)
        assert self.got(raw) == list(messages)

    @staticmethod
    def got(raw: RawClient) -> list[bytes]:
        return [bytes(frame.data) for frame in raw.frames if frame.opcode is Opcode.BINARY]

    def close(self) -> None:
        for raw in self.raws:
            raw.close()


@pytest.fixture
def frames() -> Iterator[Frames]:
    before, host = hub.host, Frames()
    shares, hub.writers.shares_work = hub.writers.shares_work, True
    hub.host = host
    yield host
    hub.host, hub.writers.shares_work = before, shares


@pytest.fixture
def new_crowd(frames: Frames) -> Iterator[Callable[..., Crowd]]:
    made: list[Crowd] = []

    def new(**settings: Any) -> Crowd:
        made.append(Crowd(frames, **settings))
        return made[-1]

    yield new
    for crowd in made:
        crowd.close()


@pytest.fixture
def crowd(new_crowd: Callable[..., Crowd]) -> Crowd:
    return new_crowd()


def test_everything_arrives_in_order(crowd: Crowd) -> None:
    chance = random.Random(1)
    sent: list[bytes] = []
    for number in range(200):
        messages = [b"%d %d " % (number, i) + bytes(chance.choice((0, 10, 1000, 20_000))) for i in range(3)]
        if chance.random() < 0.3:
            crowd.poll()
        crowd.send(*messages)
        sent += messages
        crowd.end_frame()
        for raw in crowd.raws:
            raw.receive()
    for number in range(PEERS):
        crowd.check(*sent, number=number)
    statistics = crowd.server.get_statistics()
    assert statistics["messages_sent"] == len(sent) * PEERS
    assert statistics["messages_lost"] == 0
    assert statistics["bytes_sent"] > sum(map(len, sent)) * PEERS
    assert all(peer.get_current_outbound_buffered_amount() == 0 for peer in crowd.peers)


def test_nobody_need_come_back_to_it(crowd: Crowd) -> None:
    crowd.send(b"x")
    crowd.end_frame()
    poll_until(lambda: all(crowd.got(raw.receive()) == [b"x"] for raw in crowd.raws))


def test_few_are_sent_at_once(crowd: Crowd) -> None:
    for peer in crowd.peers[:3]:
        peer.send(b"x")
    crowd.frames.end()
    assert not hub.writers.sender.is_running
    poll_until(lambda: all(crowd.got(raw.receive()) == [b"x"] for raw in crowd.raws[:3]))


def test_where_there_is_one_processor_no_thread_sends(crowd: Crowd) -> None:
    hub.writers.shares_work = False
    crowd.send(b"x")
    crowd.frames.end()
    assert not hub.writers.sender.is_running
    crowd.check(b"x")


def test_the_thread_ends_with_the_loop_and_begins_again(frames: Frames, new_crowd: Callable[..., Crowd]) -> None:
    for _ in range(2):
        before = threading.active_count()
        crowd = new_crowd()
        crowd.send(b"x")
        crowd.end_frame()
        assert threading.active_count() == before + 1
        hub.close(0.0)
        assert threading.active_count() == before
        assert all(crowd.got(raw.receive()) == [b"x"] for raw in crowd.raws)


def test_an_answer_to_what_came_before_a_failure_is_the_last_that_is_sent(crowd: Crowd) -> None:
    peer, raw = crowd.peers[-1], crowd.raws[-1]
    crowd.server.max_poll_time = 0.001  # With slow handlers, what is told last waits for another poll: the failure.
    log: list[bytes] = []

    def handle(message: bytes) -> None:
        log.append(message)
        time.sleep(0.001)

    peer.message_received.connect(handle)
    raw.send_raw(Frame(Opcode.BINARY, b"asked").serialize(mask=True) * 300 + b"\xff\xff")
    poll_until(lambda: bool(log), crowd)
    assert len(log) < 300
    crowd.send(b"answered")
    crowd.end_frame()
    assert peer.send(b"too late") == Error.ERR_CONNECTION_ERROR
    crowd.check(b"answered", number=PEERS - 1)
    poll_until(lambda: raw.receive().eof, crowd)
    assert raw.protocol.close_rcvd is not None
    assert raw.protocol.close_rcvd.code == CloseCode.PROTOCOL_ERROR


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses such a stack before a thread is asked for")
def test_where_no_thread_can_be_started_all_is_sent_at_once(crowd: Crowd) -> None:
    assert crowd.peers[0].send_latest("key", b"state") == Error.OK  # It is sent in another way than the others.
    before = threading.stack_size(2**46)
    try:
        crowd.send(b"x")
        crowd.frames.end()
    finally:
        threading.stack_size(before)
    assert not hub.writers.sender.is_running
    for number in range(1, PEERS):
        crowd.check(b"x", number=number)
    crowd.check(b"x", b"state")


class TestMeanwhile:
    """In the frame after, before anybody has polled."""

    LONG = bytes(200_000)

    @pytest.fixture(autouse=True)
    def _sent(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.peer, self.raw = crowd.peers[-1], crowd.raws[-1]
        crowd.send(b"one", b"two" * 5000)
        crowd.end_frame()

    def check(self, *messages: bytes) -> None:
        self.crowd.check(b"one", b"two" * 5000, *messages, number=PEERS - 1)
        self.crowd.check(b"one", b"two" * 5000)

    def test_more_is_sent(self) -> None:
        assert self.peer.send(b"three") == Error.OK
        self.crowd.frames.end()
        self.check(b"three")

    def test_a_long_message_is_sent(self) -> None:
        assert self.peer.send(self.LONG) == Error.OK
        self.check(self.LONG)

    def test_the_newest_is_sent(self) -> None:
        assert self.peer.send_latest("key", b"state") == Error.OK
        self.crowd.frames.end()
        self.check(b"state")

    def test_it_is_asked_what_waits(self) -> None:
        assert self.peer.get_current_outbound_buffered_amount() == 0

    def test_another_thread_asks_what_waits(self) -> None:
        amounts: list[int] = []
        asking = threading.Thread(target=lambda: amounts.append(self.peer.get_current_outbound_buffered_amount()))
        asking.start()
        asking.join()
        assert amounts[0] in (0, 15_000 + 3 + 2 + 4)
        self.check()

    def test_it_is_closed(self) -> None:
        self.peer.close(3000, "done")
        self.crowd.frames.end()
        poll_until(lambda: self.raw.receive().eof, self.crowd)
        self.check()
        assert self.raw.protocol.close_rcvd is not None
        assert self.raw.protocol.close_rcvd.code == 3000

    def test_the_server_stops(self) -> None:
        self.crowd.server.stop()
        poll_until(lambda: self.raw.receive().eof, self.crowd)
        self.check()

    def test_a_peer_is_dropped(self) -> None:
        connection = self.peer._connection
        assert connection is not None
        connection.drop()
        poll_until(lambda: self.raw.receive().eof, self.crowd)
        self.check()

    def test_the_other_side_has_reset_it(self) -> None:
        self.raw.close()
        self.crowd.send(b"more")
        self.crowd.frames.end()
        poll_until(lambda: self.crowd.server.get_peer_count() == PEERS - 1, self.crowd)
        self.crowd.check(b"one", b"two" * 5000, b"more")

    def test_it_is_simulated(self) -> None:
        self.peer.simulation = WebSocketSimulation()
        assert self.peer.send(b"three") == Error.OK
        self.check(b"three")

    def test_the_loop_is_closed(self) -> None:
        hub.close(0.0)
        assert self.crowd.got(self.raw.receive())[:1] == [b"one"]


@needs_resets
@pytest.mark.parametrize("is_simulated", [False, True])
def test_what_was_sent_to_one_who_had_reset_the_connection_is_lost(crowd: Crowd, is_simulated: bool) -> None:
    reset_at_close(crowd.raws[-1].socket)
    crowd.raws[-1].close()
    crowd.send(b"x")
    crowd.end_frame()
    if is_simulated:
        crowd.peers[-1].simulation = WebSocketSimulation()
    poll_until(lambda: crowd.server.get_peer_count() == PEERS - 1, crowd)
    assert crowd.server.get_statistics()["messages_lost"] == 1


@needs_confirmation
def test_who_takes_nothing_delays_nobody_and_loses_nothing(frames: Frames, new_crowd: Callable[..., Crowd]) -> None:
    crowd = new_crowd(outbound_buffer_size=10_000_000)
    message = bytes(range(256)) * 100
    slow = crowd.raws[-1]
    count = 0
    while crowd.peers[-1].get_current_outbound_buffered_amount() < 1_000_000:
        crowd.send(message)
        count += 1
        crowd.end_frame()
        crowd.poll()
        for raw in crowd.raws[:-1]:
            raw.receive()
    for number in range(PEERS - 1):
        crowd.check(*[message] * count, number=number)
    assert slow.frames == []
    crowd.check(*[message] * count, number=PEERS - 1)
    poll_until(lambda: crowd.server.get_statistics()["messages_lost"] == 0, crowd)


@needs_confirmation
def test_a_full_buffer_is_told_and_drains(frames: Frames, new_crowd: Callable[..., Crowd]) -> None:
    crowd = new_crowd(outbound_buffer_size=100_000)
    slow = crowd.peers[-1]
    log = record(slow)
    error = Error.OK
    while error == Error.OK:
        error = slow.send(bytes(30_000))
        for peer in crowd.peers[:-1]:
            assert peer.send(b"x") == Error.OK
        crowd.end_frame()
        for raw in crowd.raws[:-1]:
            raw.receive()
    assert error == Error.ERR_BUSY
    poll_until(lambda: crowd.raws[-1].receive() is not None and bool(log), crowd)
    assert log == [("drained",)]
