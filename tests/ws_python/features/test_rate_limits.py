"""Tests of ws_python.features.rate_limits: who sends too much is slowed down, and at last closed; others never are."""

from __future__ import annotations

import logging
import socket
import time

import pytest
from websockets.frames import Frame, Opcode
from ws_python import WebSocketClient, WebSocketServer
from ws_python.features.rate_limits import RateLimits

from tests.chaos.harness import reset
from tests.ws_python.driving import RawClient, listening, named, poll_until, record

MESSAGE = Frame(Opcode.BINARY, b"x").serialize(mask=True)
PING = Frame(Opcode.PING, b"x").serialize(mask=True)


def connect(server: WebSocketServer) -> RawClient:
    count = server.get_peer_count()
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == count + 1, server)
    return raw


def close_code(raw: RawClient) -> int | None:
    close = raw.receive().protocol.close_rcvd
    return None if close is None else close.code


def poll_for(seconds: float, *nodes: WebSocketServer | WebSocketClient) -> None:
    end = time.monotonic() + seconds
    poll_until(lambda: time.monotonic() >= end, *nodes)


def test_rates_are_off_by_default_but_that_of_control_frames() -> None:
    for node in (WebSocketServer(), WebSocketClient()):
        assert (node.max_messages_per_second, node.max_bytes_per_second) == (0, 0)
        assert (node.max_control_frames_per_second, node.rate_burst, node.rate_timeout) == (500, 2.0, 10.0)


class TestMessages:
    def test_a_burst_is_delivered_at_once(self) -> None:
        server = listening(max_messages_per_second=50, rate_burst=2.0)
        raw = connect(server)
        log = record(server)
        raw.send_raw(MESSAGE * 100)
        poll_until(lambda: len(named(log, "message_received")) == 100, server)
        assert not server._counts
        raw.close()

    def test_more_comes_at_the_rate(self, caplog: pytest.LogCaptureFixture) -> None:
        server = listening(max_messages_per_second=100, rate_burst=0.5, rate_timeout=60.0)
        raw = connect(server)
        log = record(server)
        begin = time.monotonic()
        sent = 0

        def all_came() -> bool:
            nonlocal sent
            if sent < 250:
                raw.send_raw(MESSAGE * 25)
                sent += 25
            return len(named(log, "message_received")) == 250

        poll_until(all_came, server, deadline=30)
        # 50 at once, and 200 in two seconds; a step of the codec may bring some more before it is noticed.
        assert time.monotonic() - begin > 1.0
        assert server._counts["paused_max_messages_per_second"] >= 1
        assert server.get_peer_count() == 1
        assert "beyond max_messages_per_second, 100: not read for" in caplog.text
        raw.close()

    def test_others_are_not_slowed_down(self) -> None:
        server = listening(max_messages_per_second=10, rate_burst=1.0, rate_timeout=60.0)
        raw, other = connect(server), connect(server)
        log = record(server)
        raw.send_raw(MESSAGE * 100)
        poll_until(lambda: bool(server._counts["paused_max_messages_per_second"]), server)
        other.send(Opcode.TEXT, b"hello")
        poll_until(lambda: "hello" in [message for _, message in named(log, "message_received")], server)
        raw.close()
        other.close()

    def test_what_one_read_brings_is_held_back_too(self) -> None:
        """40,000 frames fit into one read: what the codec holds of them waits as what is in the system does."""
        server = listening(max_messages_per_second=2000, rate_burst=0.5, rate_timeout=60.0)
        raw = connect(server)
        log = record(server)
        raw.socket.setblocking(True)
        raw.send_raw(MESSAGE * 5000)
        poll_for(1.0, server)
        early = len(named(log, "message_received"))
        assert 1000 <= early < 4900
        poll_until(lambda: len(named(log, "message_received")) == 5000, server, deadline=30)
        raw.close()

    def test_far_beyond_is_closed_at_once(self, caplog: pytest.LogCaptureFixture) -> None:
        server = listening(max_messages_per_second=10, rate_burst=1.0, rate_timeout=2.0)
        raw, other = connect(server), connect(server)
        begin = time.monotonic()
        raw.send_raw(MESSAGE * 900)
        poll_until(lambda: close_code(raw) is not None, server)
        assert close_code(raw) == 1008
        assert time.monotonic() - begin < 5.0
        poll_until(lambda: server.get_peer_count() == 1, server)
        assert server._counts["closed_max_messages_per_second"] == 1
        assert "closed with 1008" in caplog.text
        assert close_code(other) is None
        raw.close()
        other.close()

    def test_always_somewhat_beyond_is_closed_in_the_end(self) -> None:
        server = listening(max_messages_per_second=20, rate_burst=0.5, rate_timeout=1.5)
        raw = connect(server)
        begin = time.monotonic()
        sent = 0

        def closed() -> bool:
            nonlocal sent
            if close_code(raw) is None and sent < 40 * (time.monotonic() - begin):
                raw.send_raw(MESSAGE)
                sent += 1
            return close_code(raw) is not None

        poll_until(closed, server, deadline=30)
        assert close_code(raw) == 1008
        assert time.monotonic() - begin > 0.5
        raw.close()

    def test_a_timeout_of_zero_closes_nobody(self) -> None:
        server = listening(max_messages_per_second=1000, rate_burst=0.1, rate_timeout=0.0)
        raw = connect(server)
        log = record(server)
        raw.send_raw(MESSAGE * 3000)
        poll_until(lambda: len(named(log, "message_received")) == 3000, server, deadline=30)
        assert server.get_peer_count() == 1
        raw.close()

    def test_a_stalled_main_thread_is_not_the_senders_fault(self) -> None:
        """What it sent at its rate comes at once when polling goes on."""
        server = listening(max_messages_per_second=100, rate_burst=0.5)
        raw = connect(server)
        log = record(server)
        poll_for(0.2, server)
        for _ in range(10):
            time.sleep(0.2)  # The main thread stalls.
            raw.send_raw(MESSAGE * 18)
        poll_until(lambda: len(named(log, "message_received")) == 180, server)
        assert not server._counts
        raw.close()


class TestBytes:
    def test_it_is_bytes_on_the_wire(self) -> None:
        server = listening(max_bytes_per_second=100_000, rate_burst=0.5, rate_timeout=60.0)
        raw = connect(server)
        log = record(server)
        raw.socket.setblocking(True)
        raw.send(Opcode.BINARY, bytes(150_000))
        poll_until(lambda: bool(named(log, "message_received")), server, deadline=30)
        assert server._counts["paused_max_bytes_per_second"] >= 1
        assert server.get_peer_count() == 1
        raw.close()

    def test_far_beyond_is_closed(self) -> None:
        server = listening(max_bytes_per_second=1000, rate_burst=1.0, rate_timeout=1.0)
        raw = connect(server)
        raw.send(Opcode.BINARY, bytes(60_000))
        poll_until(lambda: close_code(raw) is not None, server)
        assert close_code(raw) == 1008
        raw.close()


class TestControlFrames:
    @pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
    def test_a_flood_is_slowed_down_and_closed(self, opcode: Opcode) -> None:
        server = listening(max_control_frames_per_second=100, rate_timeout=3.0)
        raw = connect(server)
        raw.send_raw(Frame(opcode, b"").serialize(mask=True) * 1000)
        poll_until(lambda: close_code(raw) is not None, server)
        assert close_code(raw) == 1008
        assert server._counts["closed_max_control_frames_per_second"] == 1
        raw.close()

    def test_a_limit_that_is_taken_away_counts_no_more(self) -> None:
        server = listening(max_control_frames_per_second=10)
        raw = connect(server)
        server.max_control_frames_per_second = 0
        raw.send_raw(PING * 900 + MESSAGE)
        log = record(server)
        poll_until(lambda: bool(named(log, "message_received")), server)
        raw.send_raw(PING * 900 + MESSAGE)
        poll_until(lambda: len(named(log, "message_received")) == 2, server)
        assert not server._counts
        raw.close()

    def test_nothing_is_kept_of_who_sends_few(self) -> None:
        server = listening()
        raw = connect(server)
        (limits,) = [feature for feature in server._features if isinstance(feature, RateLimits)]
        raw.send_raw(PING * 200)
        poll_until(lambda: len(raw.receive().frames) == 200, server)
        assert not limits._flows
        raw.send_raw(PING * 200)
        poll_until(lambda: len(raw.receive().frames) == 400, server)
        assert len(limits._flows) == 1
        assert not server._counts
        raw.close()
        poll_until(lambda: not limits._flows, server)

    def test_who_pings_in_each_frame_is_answered(self) -> None:
        server = listening()
        raw = connect(server)
        sent = 0

        def answered() -> bool:
            nonlocal sent
            raw.receive()
            if sent < 144:
                raw.send_raw(PING)
                sent += 1
            return sum(frame.opcode is Opcode.PONG for frame in raw.frames) >= 100

        poll_until(answered, server)
        assert not server._counts
        raw.close()


class TestPauses:
    def test_the_heartbeat_drops_nobody_who_is_not_read(self) -> None:
        server = listening(
            max_messages_per_second=10, rate_burst=1.0, rate_timeout=60.0, heartbeat_interval=0.1, heartbeat_timeout=0.2
        )
        raw = connect(server)
        raw.send_raw(MESSAGE * 25)
        poll_until(lambda: bool(server._counts["paused_max_messages_per_second"]), server)
        poll_until(lambda: bool(raw.receive()) and not paused(server), server)
        assert server.get_peer_count() == 1
        raw.close()

    def test_a_peer_can_be_closed_and_a_server_stopped_meanwhile(self) -> None:
        server = listening(max_messages_per_second=1, rate_burst=1.0, rate_timeout=3600.0)
        raw, other = connect(server), connect(server)
        for each in (raw, other):
            each.send_raw(MESSAGE * 20)
        poll_until(lambda: server._counts["paused_max_messages_per_second"] == 2, server)
        server.disconnect_peer(server.get_peer_ids()[0])
        poll_until(lambda: close_code(raw) is not None, server)
        server.stop()
        poll_until(lambda: close_code(other) is not None, server)
        raw.close()
        other.close()

    @pytest.mark.parametrize("how", ["reset", "close", "half-close"])
    def test_who_goes_meanwhile_is_gone_in_the_end(self, how: str, network: None) -> None:
        server = listening(max_messages_per_second=10, rate_burst=1.0, rate_timeout=60.0)
        raw = connect(server)
        log = record(server)
        raw.send_raw(MESSAGE * 25)
        poll_until(lambda: paused(server), server)
        if how == "reset":
            reset(raw.socket)
        elif how == "close":
            raw.close()
        else:
            raw.socket.shutdown(socket.SHUT_WR)
        before = time.thread_time()
        poll_for(0.3, server)
        assert time.thread_time() - before < 0.25, "it spins"
        poll_until(lambda: bool(named(log, "client_disconnected")), server)
        if how != "reset":
            assert len(named(log, "message_received")) == 25
        raw.close()

    def test_a_server_that_is_shut_down_meanwhile_is_quiet(self, caplog: pytest.LogCaptureFixture) -> None:
        server, other = listening(max_messages_per_second=10, rate_burst=1.0, rate_timeout=60.0), WebSocketClient()
        raw = connect(server)
        raw.send_raw(MESSAGE * 15)
        poll_until(lambda: paused(server), server)
        server._shut_down()
        poll_for(1.0, other)
        assert all(record.levelno < logging.ERROR for record in caplog.records)
        raw.close()

    def test_a_client_slows_its_server_down(self, network: None) -> None:
        server = listening()
        client = WebSocketClient()
        client.max_messages_per_second, client.rate_burst = 100, 0.2
        log = record(client)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: server.get_peer_count() == 1 and bool(named(log, "connected_to_server")), server, client)
        for number in range(100):
            assert server.send(0, str(number)) == 0
        poll_until(lambda: len(named(log, "message_received")) == 100, server, client)
        assert [message for (message,) in named(log, "message_received")] == [str(number) for number in range(100)]
        assert client._counts["paused_max_messages_per_second"] >= 1
        client.close()


def paused(server: WebSocketServer) -> bool:
    (peer,) = server.peers.values()
    assert peer._connection is not None
    return peer._connection.intake.is_throttled
