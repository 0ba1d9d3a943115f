"""Tests of ws_python.net.simulated_link: what a bad network does, over real sockets. What all links do: test_link."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from ws_python.loop.hub import hub
from ws_python.net.simulated_link import SimulatedLink
from ws_python.net.simulation import WebSocketSimulation

from tests.ws_python.net.links import Pair

# How late something may be on a machine that has much else to do. Only what must not take for ever is bounded by it.
LATE = 10.0


@pytest.fixture(params=["simulated", "simulated by asyncio"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    pair = Pair(request.param)
    pair.there.setblocking(False)
    yield pair
    pair.close()


@pytest.fixture
def plain() -> Iterator[Pair]:
    pair = Pair("plain")
    pair.there.setblocking(False)
    yield pair
    pair.close()


def read(there: socket.socket) -> bytes | None:
    """What has come; None for the end, also by a reset."""
    try:
        return there.recv(1_000_000) or None
    except BlockingIOError:
        return b""
    except ConnectionResetError:
        return None


class Reader:
    """Reads what comes to the other side, while the link is turned."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.received = b""
        self.has_ended = False

    def look(self) -> None:
        while not self.has_ended and (data := read(self.pair.there)) != b"":
            self.received += data or b""
            self.has_ended = data is None

    def until(self, condition: Callable[[Reader], bool]) -> float:
        """Read until it holds: how many seconds that took."""
        begin = time.monotonic()

        def holds() -> bool:
            self.look()
            return condition(self)

        self.pair.turn_until(holds)
        return time.monotonic() - begin

    def during(self, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        self.until(lambda _: time.monotonic() >= end)
        return self.received


def all_of(data: bytes) -> Callable[[Reader], bool]:
    return lambda reader: reader.received == data


class TestLatency:
    def test_bytes_are_late_in_both_directions(self, pair: Pair) -> None:
        pair.simulation.latency = 0.1
        pair.link.write(b"out")
        assert 0.1 <= Reader(pair).until(all_of(b"out")) < LATE
        pair.send(b"in")
        begin = time.monotonic()
        pair.turn_until(lambda: pair.ear.received == b"in")
        assert 0.1 <= time.monotonic() - begin < LATE

    def test_what_is_sent_meanwhile_is_late_by_no_more(self, pair: Pair) -> None:
        """They are on their way together, and not one behind the other."""
        pair.simulation.latency = 0.2
        begin = time.monotonic()
        for number in range(50):
            pair.link.write(bytes([number]))
            pair.turn(1)
        reader = Reader(pair)
        reader.until(all_of(bytes(range(50))))
        assert 0.2 <= time.monotonic() - begin < 50 * 0.2

    def test_jitter_keeps_the_order(self, pair: Pair) -> None:
        pair.simulation.jitter = 0.05
        reader = Reader(pair)
        for number in range(100):
            pair.link.write(bytes([number]))
            reader.look()
            pair.turn(1)
        reader.until(all_of(bytes(range(100))))
        for number in range(20):
            pair.send(bytes([number]))
            pair.turn(2)
        pair.turn_until(lambda: pair.ear.received == bytes(range(20)))

    def test_the_end_comes_as_late_as_what_was_before(self, pair: Pair) -> None:
        pair.simulation.latency = 0.1
        begin = time.monotonic()
        pair.link.write(b"last")
        pair.link.half_close()
        pair.link.half_close()
        reader = Reader(pair)
        reader.until(lambda reader: reader.has_ended)
        assert reader.received == b"last"
        assert time.monotonic() - begin >= 0.1
        begin = time.monotonic()
        pair.send(b"answer")
        pair.there.close()
        pair.turn_until(lambda: pair.ear.ends == 1)
        assert pair.ear.received == b"answer"
        assert time.monotonic() - begin >= 0.1

    def test_what_was_dropped_is_still_sent(self, pair: Pair) -> None:
        pair.simulation.latency = 0.1
        pair.link.write(b"last")
        pair.link.drop()
        assert hub.is_lingering
        reader = Reader(pair)
        assert reader.until(lambda reader: reader.has_ended) >= 0.09
        assert (reader.received, pair.ear.ends) == (b"last", 0)
        assert not hub.is_lingering

    def test_of_one_that_is_dropped_twice_nothing_is_sent(self, pair: Pair) -> None:
        pair.simulation.latency = 5.0
        pair.link.write(b"lost")
        pair.link.drop()
        pair.link.drop()
        reader = Reader(pair)
        reader.until(lambda reader: reader.has_ended)
        assert reader.received == b""
        assert not hub.is_lingering

    def test_the_end_of_the_process_waits_a_little_for_what_was_dropped(self, pair: Pair) -> None:
        pair.simulation.latency = 0.1
        pair.link.write(b"last")
        pair.link.drop()
        hub.close()
        assert read(pair.there) == b"last"
        assert read(pair.there) is None

    def test_the_end_of_the_process_does_not_wait_for_ever(self, pair: Pair) -> None:
        pair.simulation.latency = 10.0
        pair.link.write(b"lost")
        pair.link.drop()
        begin = time.monotonic()
        hub.close(0.1)
        assert time.monotonic() - begin < 9.0
        assert read(pair.there) is None

    def test_round_trips_are_longer(self, pair: Pair) -> None:
        before = pair.link.round_trip()
        pair.simulation.latency, pair.simulation.jitter = 0.25, 0.1
        assert pair.link.round_trip() >= before + 0.5


class TestBandwidth:
    def test_bytes_need_their_time(self, pair: Pair) -> None:
        pair.simulation.bandwidth = 100_000
        data = bytes(range(250)) * 100
        begin = time.monotonic()
        assert pair.link.write(data) == len(data)
        reader = Reader(pair)
        reader.until(lambda reader: len(reader.received) > 0)
        assert len(reader.received) < len(data), "in pieces, not all of it at the end"
        reader.until(all_of(data))
        assert 0.25 <= time.monotonic() - begin + 0.001 < LATE

    def test_also_those_that_come_in(self, pair: Pair) -> None:
        pair.simulation.bandwidth = 100_000
        data = bytes(20_000)
        begin = time.monotonic()
        pair.send(data)
        pair.turn_until(lambda: pair.ear.received == data)
        assert 0.2 <= time.monotonic() - begin + 0.001 < LATE

    def test_who_sends_more_is_blocked(self, pair: Pair) -> None:
        pair.simulation.bandwidth = 100_000
        data = bytes(10_000_000)
        begin = time.monotonic()
        taken = pair.link.write(data)
        assert 16_384 <= taken <= 100_000
        assert pair.link.is_blocked
        assert pair.link.unconfirmed() >= taken - 5000
        # No more than what came through meanwhile.
        assert pair.link.write(data) <= (time.monotonic() - begin) * pair.simulation.bandwidth
        reader = Reader(pair)
        reader.until(lambda _: not pair.link.is_blocked)
        assert len(reader.received) >= taken // 2 - 5000
        assert pair.link.write(data) > 0

    def test_what_is_on_its_way_is_bounded_without_a_bandwidth(self, pair: Pair) -> None:
        pair.simulation.latency = 5.0
        data = bytes(10_000_000)
        assert pair.link.write(data) == 4 * 1024 * 1024
        assert pair.link.is_blocked

    def test_in_small_pieces_it_is_bounded_too(self, pair: Pair) -> None:
        pair.simulation.latency = 5.0
        count = 0
        while not pair.link.is_blocked and count < 100_000:
            count += pair.link.write(b"x")
        assert count == 4096

    def test_what_comes_in_is_bounded(self, pair: Pair) -> None:
        """Then the other side is blocked, as by a receiver that does not read."""
        pair.simulation.bandwidth = 1000
        chunk = bytes(1_000_000)
        sent, unchanged = 0, 0
        while unchanged < 200 and sent < 60_000_000:
            try:
                sent += pair.there.send(chunk)
                unchanged = 0
            except BlockingIOError:
                unchanged += 1
                pair.turn(1)
        assert sent < 60_000_000

    def test_the_newest_waits_until_the_one_before_is_through(self, pair: Pair) -> None:
        """is_clear(), by which send_latest() lets go of a message."""
        pair.simulation.bandwidth = 100_000
        pair.turn(3)
        assert pair.link.is_clear()
        begin = time.monotonic()
        pair.link.write(bytes(10_000))
        assert not pair.link.is_clear()
        pair.turn_until(pair.link.is_clear)
        assert time.monotonic() - begin >= 0.099


class TestStalls:
    def test_nothing_passes_in_a_stall(self, pair: Pair) -> None:
        """With a mean that is next to nothing it begins at once."""
        pair.simulation.stall_time = 0.3
        pair.simulation.stall_interval = 1e-9
        pair.turn(3)
        begin = time.monotonic()
        pair.link.write(b"out")
        pair.send(b"in")
        reader = Reader(pair)
        assert reader.during(0.1) == b""
        assert pair.ear.received == b""
        pair.simulation.stall_interval = 3600.0  # This one is the last.
        reader.until(all_of(b"out"))
        pair.turn_until(lambda: pair.ear.received == b"in")
        assert time.monotonic() - begin >= 0.2

    def test_they_come_and_go(self, pair: Pair) -> None:
        pair.simulation.seed = 7
        pair.simulation.stall_interval, pair.simulation.stall_time = 0.05, 0.1
        reader = Reader(pair)
        stalls = flows = 0
        last = time.monotonic()
        end = last + 60.0
        while stalls < 3 or flows < 3:
            assert time.monotonic() < end
            before = len(reader.received)
            pair.link.write(b"x")
            pair.turn(1)
            reader.look()
            if len(reader.received) > before:
                gap, last = time.monotonic() - last, time.monotonic()
                stalls += gap >= 0.09
                flows += gap < 0.05

    def test_one_that_is_switched_off_is_over(self, pair: Pair) -> None:
        pair.simulation.stall_time = 300.0
        pair.simulation.stall_interval = 1e-9
        pair.turn(3)
        pair.link.write(b"out")
        reader = Reader(pair)
        assert reader.during(0.05) == b""
        pair.simulation.stall_interval = 0.0
        reader.until(all_of(b"out"))

    def test_long_silence_with_many_stalls_costs_nothing(self, pair: Pair) -> None:
        pair.simulation.stall_interval, pair.simulation.stall_time = 1e-9, 1e-9
        time.sleep(0.05)  # Millions of them.
        pair.link.write(b"out")
        begin = time.monotonic()
        Reader(pair).until(all_of(b"out"))
        assert time.monotonic() - begin < LATE


class TestCuts:
    def test_by_time_the_connection_breaks(self, pair: Pair) -> None:
        pair.simulation.cut_interval = 0.1
        reader = Reader(pair)
        reader.until(lambda reader: reader.has_ended)
        pair.turn(3)
        assert (pair.ear.ends, pair.link.is_ended, pair.link.is_broken) == (1, True, True)
        assert pair.link.write(b"lost") == 4
        pair.link.half_close()
        pair.link.pause()
        pair.link.resume()
        assert pair.link.is_clear()
        pair.turn(3)
        assert pair.ear.ends == 1

    def test_of_what_is_on_its_way_a_part_arrives(self, pair: Pair) -> None:
        pair.simulation.latency = 10.0
        data = bytes(range(250)) * 40
        for at in range(0, len(data), 100):
            pair.link.write(data[at : at + 100])
        pair.send(bytes(5000))
        pair.turn(5)
        pair.simulation.cut_interval = 1e-9
        reader = Reader(pair)
        reader.until(lambda reader: reader.has_ended)
        assert data.startswith(reader.received)
        assert len(reader.received) < len(data)
        assert pair.ear.ends == 1

    def cut_of(self, pair: Pair, seed: int) -> int:
        """How many bytes come through to the other side."""
        pair.simulation.cut_bytes = 2000
        assert isinstance(pair.link, SimulatedLink)
        again = WebSocketSimulation()
        again.cut_bytes, again.seed = 2000, seed
        pair.link.for_all = again
        reader = Reader(pair)
        while not reader.has_ended:
            pair.link.write(bytes(777))
            pair.turn(1)
            reader.look()
        return len(reader.received)

    def test_the_same_seed_cuts_at_the_same_byte(self, request: pytest.FixtureRequest) -> None:
        cuts = []
        for seed in (1, 1, 2, 3):
            for kind in ("simulated", "simulated by asyncio"):
                pair = Pair(kind)
                pair.there.setblocking(False)
                cuts.append(self.cut_of(pair, seed))
                pair.close()
        assert cuts[0] == cuts[1] == cuts[2] == cuts[3]
        assert len(set(cuts)) == 3

    def test_what_comes_in_is_cut_too(self, pair: Pair) -> None:
        pair.simulation.seed, pair.simulation.cut_bytes = 5, 3000
        pair.turn(1)

        def cut() -> bool:
            try:
                pair.send(bytes(500))
            except OSError:
                return True
            return pair.ear.ends == 1

        pair.turn_until(cut)
        pair.turn_until(lambda: pair.ear.ends == 1)

    def test_with_a_cut_behind_the_first_byte_one_arrives(self, pair: Pair) -> None:
        pair.simulation.seed, pair.simulation.cut_bytes = 1, 1
        pair.link.write(bytes(1000))
        reader = Reader(pair)
        reader.until(lambda reader: reader.has_ended)
        assert 1 <= len(reader.received) < 20

    def test_one_that_was_dropped_may_be_cut_too(self, pair: Pair) -> None:
        pair.simulation.latency = 10.0
        pair.link.write(bytes(1000))
        pair.simulation.cut_interval = 0.05
        pair.link.drop()
        Reader(pair).until(lambda reader: reader.has_ended)
        assert pair.ear.ends == 0
        assert not hub.is_lingering


class TestChanges:
    def test_what_is_on_its_way_arrives_at_once_when_the_latency_is_gone(self, pair: Pair) -> None:
        pair.simulation.latency = 10.0
        pair.link.write(b"out")
        pair.send(b"in")
        reader = Reader(pair)
        assert reader.during(0.05) == b""
        pair.simulation.latency = 0.0
        assert reader.until(all_of(b"out")) < 9.0
        pair.turn_until(lambda: pair.ear.received == b"in")

    def test_or_the_simulation(self, pair: Pair) -> None:
        assert isinstance(pair.link, SimulatedLink)
        pair.simulation.latency = 10.0
        pair.link.write(b"out")
        pair.send(b"in")
        pair.turn(5)
        pair.link.for_all = None
        reader = Reader(pair)
        assert reader.until(all_of(b"out")) < 9.0
        pair.turn_until(lambda: pair.ear.received == b"in")
        assert pair.link.write(b"more") == 4
        reader.until(all_of(b"outmore"))

    def test_a_simulation_of_its_own_counts_before_that_of_all(self, pair: Pair) -> None:
        assert isinstance(pair.link, SimulatedLink)
        pair.simulation.latency = 10.0
        pair.link.for_one = WebSocketSimulation()
        pair.link.write(b"out")
        reader = Reader(pair)
        assert reader.until(all_of(b"out")) < 9.0
        pair.link.for_one = None
        pair.link.write(b"late")
        assert reader.during(0.05) == b"out"

    def test_a_narrow_place_that_becomes_wide(self, pair: Pair) -> None:
        pair.simulation.bandwidth = 1
        pair.link.write(bytes(10_000))
        reader = Reader(pair)
        assert len(reader.during(0.05)) < 10
        pair.simulation.bandwidth = 0
        assert reader.until(all_of(bytes(10_000))) < 9.0

    def test_it_lies_over_a_link_that_is_in_use(self, plain: Pair) -> None:
        """Also over one that is blocked and paused, whose receiver waits for it."""
        data = bytes(range(256)) * 50_000
        taken = plain.link.write(data)
        assert plain.link.is_blocked
        plain.link.pause()
        plain.send(b"in")
        link = plain.link.underlay(SimulatedLink)
        assert isinstance(link, SimulatedLink)
        assert (link.host, link.port) == (plain.link.host, plain.link.port)
        below, plain.link = plain.link, link
        assert not hasattr(plain.ear, "intake") or plain.ear.intake.link is below
        simulation = link.for_all = WebSocketSimulation()
        simulation.latency = 0.05
        reader = Reader(plain)
        while taken < len(data):
            reader.until(lambda _: not link.is_blocked)
            taken += link.write(data[taken:])
        assert plain.ear.received == b"", "it is paused"
        link.resume()
        reader.until(all_of(data))
        plain.turn_until(lambda: plain.ear.received == b"in")

    def test_below_tls(self) -> None:
        pair = Pair("tls")
        assert pair.link.underlay(SimulatedLink) is pair.link
        pair.link.write(b"out")
        assert pair.there.recv(10) == b"out"
        pair.send(b"in")
        pair.turn_until(lambda: pair.ear.received == b"in")
        pair.close()


class TestPauses:
    def test_what_is_on_its_way_waits_for_a_receiver_that_pauses(self, pair: Pair) -> None:
        pair.simulation.latency = 0.05
        pair.send(b"in")
        pair.turn(3)
        pair.link.pause()
        assert Reader(pair).during(0.1) == b""
        assert pair.ear.received == b""
        pair.link.resume()
        pair.turn_until(lambda: pair.ear.received == b"in")

    def test_a_drop_from_within_what_it_gives(self, pair: Pair) -> None:
        """The receiver ends it while there is more, in both directions."""
        if pair.kind != "simulated":
            pytest.skip("once is enough")
        pair.simulation.latency = 0.05
        for _ in range(3):
            pair.send(b"in")
            pair.turn(2)
        pair.link.write(b"out")
        link, received = pair.link, []

        def dropping() -> bool:
            received.append(pair.ear.received)
            if pair.ear.received:
                link.drop()
            return bool(pair.ear.received)

        pair.turn_until(dropping)
        reader = Reader(pair)
        reader.until(lambda reader: reader.has_ended)
        assert reader.received == b"out"
