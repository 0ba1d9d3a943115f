"""What every Link does, whatever carries its bytes: seam tests, run with each kind over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from ws_python.net.link import Link

from tests.ws_python.driving import needs_resets, reset_at_close
from tests.ws_python.net.links import Pair

KINDS = (
    "plain",
    "by_asyncio",
    "tls",
    "tls by asyncio",
    "simulated",
    "simulated by asyncio",
    "simulated, late",
    "simulated, narrow",
    "tls, simulated, late",
)


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    pair = Pair(request.param)
    if "late" in pair.kind:
        pair.simulation.latency, pair.simulation.jitter = 0.004, 0.004
    if "narrow" in pair.kind:
        pair.simulation.bandwidth = 40_000_000
    yield pair
    pair.close()


def test_bytes_go_both_ways(pair: Pair) -> None:
    pair.send(b"in")
    pair.turn_until(lambda: pair.ear.received == b"in")
    assert pair.link.write(b"out") == 3
    assert pair.read(10) == b"out"


def test_who_is_at_the_other_end(pair: Pair) -> None:
    assert (pair.link.host, pair.link.port) == pair.there.getsockname()
    assert pair.link.certificate == ""


def test_how_it_was_reached(pair: Pair) -> None:
    assert pair.link.local_host() == pair.there.getpeername()[0]
    pair.link.drop()
    assert pair.link.local_host() == ""


def test_a_pause_leaves_what_comes_in_the_system(pair: Pair) -> None:
    pair.link.pause()
    pair.send(b"x")
    pair.turn(5)
    assert pair.ear.received == b""
    pair.link.resume()
    pair.turn_until(lambda: pair.ear.received == b"x")


def test_a_link_that_is_blocked_tells_when_it_takes_more(pair: Pair) -> None:
    data, position, received = memoryview(bytes(range(256)) * 100_000), 0, bytearray()
    while position < len(data):
        if not pair.link.is_blocked:
            position += pair.link.write(data[position:])
        else:
            while pair.link.is_blocked:
                received += pair.read(1_000_000)
                pair.turn(1)
    while len(received) < len(data):
        pair.turn(1)
        received += pair.read(1_000_000)
    assert received == data


def test_a_half_close_lets_the_other_side_go_on(pair: Pair) -> None:
    pair.link.write(b"last")
    pair.link.half_close()
    assert pair.read(10) == b"last"
    assert pair.read(10) == b""
    pair.send(b"answer")
    pair.turn_until(lambda: pair.ear.received == b"answer")
    pair.there.close()
    pair.turn_until(lambda: pair.ear.ends == 1)


def test_the_end_is_told_once(pair: Pair) -> None:
    if pair.kind.startswith("tls"):
        pytest.skip("Python's TLS sockets do not half-close: see test_tls_link.py")
    pair.send(b"before")
    pair.there.shutdown(socket.SHUT_WR)
    pair.turn_until(lambda: pair.ear.ends == 1)
    pair.turn(5)
    assert (pair.ear.received, pair.ear.ends, pair.link.is_ended) == (b"before", 1, True)
    assert pair.link.write(b"still") == 5
    assert pair.read(10) == b"still"


def test_a_reset_is_an_end_and_writing_takes_all(pair: Pair) -> None:
    reset_at_close(pair.there)
    pair.there.close()
    pair.turn_until(lambda: pair.ear.ends == 1)
    assert pair.link.write(b"lost") == 4
    pair.link.half_close()
    pair.link.pause()
    pair.link.resume()
    pair.turn(3)
    assert pair.ear.ends == 1


def test_a_drop_ends_it_and_nobody_is_told(pair: Pair) -> None:
    pair.link.write(b"last")
    pair.link.drop()
    pair.turn(3)
    assert (pair.read(10), pair.read(10)) == (b"last", b"")
    assert (pair.ear.ends, pair.link.is_ended) == (0, True)
    pair.link.drop()


@needs_resets
def test_a_reset_breaks_it_for_the_other_side(pair: Pair) -> None:
    if pair.kind not in ("plain", "by_asyncio"):
        pytest.skip("only the lowest link can")
    pair.link.reset()
    pair.turn(3)
    with pytest.raises(ConnectionResetError):
        pair.read(10)
    assert (pair.ear.ends, pair.link.is_ended) == (0, True)
    pair.link.reset()


def test_another_link_takes_the_place_of_the_lowest(pair: Pair) -> None:
    lowest: list[Link] = []

    def same(link: Link) -> Link:
        lowest.append(link)
        return link

    assert pair.link.underlay(same) is pair.link
    assert (lowest[0] is pair.link) == (not pair.kind.startswith("tls"))
    pair.link.drop()


def test_without_a_receiver_it_waits_for_one(pair: Pair) -> None:
    if pair.kind == "by_asyncio":
        pytest.skip("asyncio's is given its receiver as soon as it is made")
    pair.link.receiver = None
    pair.send(b"early")
    pair.turn(3)
    pair.link.receiver = pair.receiver
    pair.link.resume()
    pair.turn_until(lambda: pair.ear.received == b"early")
