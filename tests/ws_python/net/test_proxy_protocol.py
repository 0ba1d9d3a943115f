"""Tests of ws_python.net.proxy_protocol. Whose headers are believed is tested with features/trusted_proxies."""

from __future__ import annotations

import contextlib
import ipaddress
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from ws_python.loop.hub import hub
from ws_python.net.proxy_protocol import (
    ProxyHeader,
    ProxyHeaderError,
    ProxyHeaderParser,
    ProxyPreamble,
    begins,
    may_begin,
)

from tests.ws_python.driving import needs_resets, reset_at_close

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PROXY, LOCAL = 0x21, 0x20
TCP4, UDP4, TCP6, UNIX, UNSPECIFIED = 0x11, 0x12, 0x21, 0x31, 0x00
HTTP = b"GET / HTTP/1.1\r\n\r\n"


def v2(command: int, family: int, rest: bytes, *, length: int | None = None) -> bytes:
    size = len(rest) if length is None else length
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", size) + rest


def addresses(client: str, own: str, client_port: int, own_port: int) -> bytes:
    packed = b"".join(ipaddress.ip_address(each).packed for each in (client, own))
    return packed + struct.pack("!HH", client_port, own_port)


GOOD = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", ProxyHeader("192.0.2.7", 56324)),
    (b"PROXY TCP6 2001:DB8::7 ::1 65535 0\r\n", ProxyHeader("2001:db8::7", 65535)),
    (
        b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        ProxyHeader("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
    ),
    (b"PROXY UNKNOWN\r\n", ProxyHeader()),
    (b"PROXY UNKNOWN ffff::1 whatever it is\r\n", ProxyHeader()),
    (v2(PROXY, TCP4, addresses("192.0.2.7", "198.51.100.1", 56324, 443)), ProxyHeader("192.0.2.7", 56324)),
    (v2(PROXY, TCP6, addresses("2001:db8::7", "::1", 1, 2)), ProxyHeader("2001:db8::7", 1)),
    (v2(PROXY, TCP6, addresses("::ffff:192.0.2.7", "::1", 1, 2)), ProxyHeader("192.0.2.7", 1)),
    # Behind the addresses: any number of further facts.
    (v2(PROXY, TCP4, addresses("192.0.2.7", "198.51.100.1", 9, 443) + bytes(4000)), ProxyHeader("192.0.2.7", 9)),
    (v2(PROXY, UNIX, bytes(216)), ProxyHeader()),
    (v2(PROXY, UNSPECIFIED, b""), ProxyHeader()),
    (v2(LOCAL, UNSPECIFIED, b""), ProxyHeader()),
    (v2(LOCAL, TCP4, addresses("192.0.2.7", "198.51.100.1", 9, 443)), ProxyHeader()),
    (v2(LOCAL, 0xFF, b"what is here is ignored"), ProxyHeader()),
]
BAD = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n", "six words"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 1\r\n", "six words"),
    (b"PROXY TCP4  192.0.2.7 198.51.100.1 56324 443\r\n", "six words"),
    (b"PROXY UDP4 192.0.2.7 198.51.100.1 56324 443\r\n", "six words"),
    (b"PROXY UNKNOWNX\r\n", "six words"),
    (b"PROXY \r\n", "six words"),
    (b"PROXY TCP4 192.0.2.256 198.51.100.1 56324 443\r\n", "TCP4 addresses"),
    (b"PROXY TCP4 192.0.2.7 ::1 56324 443\r\n", "TCP4 addresses"),
    (b"PROXY TCP6 192.0.2.7 198.51.100.1 56324 443\r\n", "TCP6 addresses"),
    (b"PROXY TCP6 fe80::1%lo ::1 56324 443\r\n", "TCP6 addresses"),
    (b"PROXY TCP4 localhost 198.51.100.1 56324 443\r\n", "TCP4 addresses"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", "two ports"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n", "two ports"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 01 443\r\n", "two ports"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1  443\r\n", "six words|two ports"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 \xd9\xa1 443\r\n", "two ports"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\n" + bytes(100), "longer than 107"),
    (b"PROXY " + b"x" * 1000 + b"\r\n", "longer than 107"),
    (v2(0x11, TCP4, bytes(12)), "version is 1"),
    (v2(0x31, TCP4, bytes(12)), "version is 3"),
    (v2(0x22, TCP4, bytes(12)), "command is 2"),
    (v2(PROXY, UDP4, bytes(12)), "no TCP connection"),
    (v2(PROXY, 0x41, bytes(12)), "no TCP connection"),
    (v2(PROXY, 0x10, bytes(12)), "no TCP connection"),
    (v2(PROXY, TCP4, bytes(11)), "too short"),
    (v2(PROXY, TCP6, bytes(35)), "too short"),
    (v2(PROXY, TCP4, b"", length=65535), "longer than 4096"),
    (v2(LOCAL, UNSPECIFIED, b"", length=4081), "longer than 4096"),
]


def parse(data: bytes, step: int) -> tuple[ProxyHeader | None, bytes]:
    """What a parser makes of data that comes in pieces, and what it leaves of it."""
    parser = ProxyHeaderParser()
    begin, end = 0, len(SIGNATURE)  # With less nobody would ask it.
    while begin < len(data):
        ahead = data[begin:end]
        wanted = parser.wants(ahead)
        assert 0 < wanted <= len(ahead)
        header = parser.feed(data[begin : begin + wanted])
        begin += wanted
        if header is not None:
            return header, data[begin:]
        end = max(begin + step, len(SIGNATURE))
    return None, b""


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
@pytest.mark.parametrize(("data", "expected"), GOOD)
def test_every_header_is_read_to_the_byte(data: bytes, expected: ProxyHeader, step: int) -> None:
    for behind in (b"", HTTP, b"\r\n", data):
        assert parse(data + behind, step) == (expected, (data + behind)[len(data) :])


@pytest.mark.parametrize(("data", "_expected"), GOOD)
def test_a_part_of_a_header_is_none_yet(data: bytes, _expected: ProxyHeader) -> None:
    for size in range(len(SIGNATURE), len(data)):
        if data.startswith(b"PROXY ") or size >= 16:
            assert parse(data[:size], 10_000) == (None, b"")


@pytest.mark.parametrize("step", [1, 10_000])
@pytest.mark.parametrize(("data", "why"), BAD)
def test_what_is_no_header_is_refused(data: bytes, why: str, step: int) -> None:
    with pytest.raises(ProxyHeaderError, match=why) as caught:
        parse(data + HTTP, step)
    assert "\n" not in str(caught.value)


def test_only_a_signature_begins_a_header() -> None:
    for signature in (b"PROXY ", SIGNATURE):
        assert begins(signature + b"x")
        for size in range(1, len(signature)):
            assert may_begin(signature[:size])
            assert not begins(signature[:size])
    for data in (
        b"GET / HTTP/1.1\r\n",
        b"POST ",
        b"PRI * HTTP/2.0",
        b"PROXYTCP4",
        b"\x16\x03\x01",
        b"\r\nGET",
        b"proxy ",
    ):
        assert not may_begin(data)


def test_garbage_behind_a_signature_never_does_more_than_raise() -> None:
    generator = random.Random(1)
    for _ in range(3000):
        signature = generator.choice([b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"])
        data = signature + generator.randbytes(generator.randrange(6000))
        with contextlib.suppress(ProxyHeaderError):
            parse(data, generator.choice([1, 100, 5000]))


def test_a_good_header_with_one_byte_changed_never_does_more_than_raise() -> None:
    for data, _ in GOOD:
        for at in range(6, min(len(data), 60)):
            for value in (0, 0x0A, 0x0D, 0x20, 0x30, 0x3A, 0x80, 0xFF):
                changed = data[:at] + bytes([value]) + data[at + 1 :]
                if begins(changed):
                    with contextlib.suppress(ProxyHeaderError):
                        parse(changed + HTTP, 10_000)


# --- off a socket


def turn_until(condition: Callable[[], bool], *, wait: float = 0.01) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        hub.turn(wait, 1.0)


class Arrival:
    """An accepted socket with a preamble to be read off it, and what became of it."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.there = socket.create_connection(listening.getsockname())
            self.here, self.address = listening.accept()
        self.there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.here.setblocking(False)
        hub.loop()
        self.done: list[object] = []
        self.reasons: list[str] = []
        self.refused = 0
        self.preamble = ProxyPreamble(self.here, self.address, self._count)
        self.preamble.start(self.done.append, self.reasons.append)

    def _count(self) -> None:
        self.refused += 1

    def is_over(self) -> bool:
        return bool(self.done or self.reasons)

    def read(self, size: int) -> bytes:
        self.here.settimeout(10)
        return self.here.recv(size)

    def close(self) -> None:
        self.preamble.cancel()
        self.here.close()
        self.there.close()


@pytest.fixture
def arrival(network: None) -> Iterator[Arrival]:
    arrival = Arrival()
    yield arrival
    arrival.close()


@pytest.mark.parametrize(("data", "expected"), GOOD)
def test_what_is_behind_the_header_stays_in_the_socket(arrival: Arrival, data: bytes, expected: ProxyHeader) -> None:
    arrival.there.sendall(data + HTTP)
    turn_until(arrival.is_over)
    assert arrival.done == [tuple(expected) if expected.host else arrival.address]
    assert arrival.read(1000) == HTTP


@pytest.mark.parametrize("data", [GOOD[0][0], GOOD[5][0]])
def test_byte_by_byte(arrival: Arrival, data: bytes) -> None:
    for at in range(len(data)):
        assert not arrival.is_over()
        arrival.there.sendall(data[at : at + 1])
        for _ in range(3):
            hub.turn(0.0, 1.0)
    arrival.there.sendall(HTTP)
    turn_until(arrival.is_over)
    assert len(arrival.done) == 1
    assert arrival.read(1000) == HTTP


@pytest.mark.parametrize("first", [HTTP, b"PUT /", b"\x16\x03\x01\x00", b"x", b"\r\n\r\nGET"])
def test_what_is_no_header_is_left_as_it_is(arrival: Arrival, first: bytes) -> None:
    arrival.there.sendall(first)
    turn_until(arrival.is_over)
    assert arrival.done == [arrival.address]
    assert arrival.read(1000) == first


def test_a_beginning_that_could_be_one_spins_no_core(arrival: Arrival) -> None:
    arrival.there.sendall(b"PROX")
    turns = 0

    def looked() -> bool:
        nonlocal turns
        turns += 1
        return turns > 20

    begin = hub.deadlines.now
    turn_until(looked, wait=0.05)
    # Had the socket been reported, none of these turns would have waited.
    assert hub.deadlines.now - begin > 0.1
    assert not arrival.is_over()
    arrival.there.sendall(b"IMITY\r\n")
    turn_until(arrival.is_over)
    assert arrival.done == [arrival.address]
    assert arrival.read(100) == b"PROXIMITY\r\n"


@pytest.mark.parametrize(("data", "why"), BAD)
def test_a_malformed_header_closes_the_socket(arrival: Arrival, data: bytes, why: str) -> None:
    arrival.there.sendall(data)
    turn_until(arrival.is_over)
    assert arrival.done == []
    (reason,) = arrival.reasons
    assert reason.startswith("its PROXY header is malformed (")
    assert reason.isprintable()
    assert arrival.refused == 1
    assert arrival.here.fileno() == -1


def test_a_header_that_ends_in_the_middle(arrival: Arrival) -> None:
    arrival.there.sendall(b"PROXY TCP4 192.0")
    for _ in range(3):
        hub.turn(0.0, 1.0)
    arrival.there.close()
    turn_until(arrival.is_over)
    assert arrival.reasons == ["its PROXY header is malformed (it ends in the middle); check what the proxy sends"]


@needs_resets
def test_a_reset_in_the_middle_of_a_header(arrival: Arrival) -> None:
    arrival.there.sendall(b"PROXY TCP4 192.0")
    for _ in range(3):
        hub.turn(0.0, 1.0)
    reset_at_close(arrival.there)
    arrival.there.close()
    turn_until(arrival.is_over)
    assert "reset the connection" in arrival.reasons[0]


def test_one_that_closes_without_a_word_is_for_the_handshake(arrival: Arrival) -> None:
    arrival.there.close()
    turn_until(arrival.is_over)
    assert arrival.done == [arrival.address]


@pytest.mark.parametrize("said", [b"", b"PROX", b"PROXY TCP4 "])
def test_cancelled_it_tells_nothing(arrival: Arrival, said: bytes) -> None:
    arrival.there.sendall(said)
    for _ in range(3):
        hub.turn(0.0, 1.0)
    arrival.preamble.cancel()
    arrival.preamble.cancel()
    for _ in range(10):
        hub.turn(0.01, 1.0)
    assert not arrival.is_over()
    assert arrival.here.fileno() == -1
