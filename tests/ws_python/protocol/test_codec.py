"""The codec by the sections of RFC 6455 and RFC 7692; what comes in is fed whole, byte by byte, and as asyncio does."""

import contextlib
import os
import random
import struct
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from ws_python.protocol.codec import Closed, Codec, Event, Pong, State
from ws_python.protocol.deflate import Deflate
from ws_python.protocol.prepared import PreparedMessage

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
MIB = 1024 * 1024

Feed = Callable[[Codec, bytes], None]


def apply_mask(data: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


def frame(first: int, payload: bytes = b"", *, key: bytes | None = b"\x11\xa2\x33\xc4") -> bytes:
    """A frame as a client sends it, or with key=None a server."""
    size = len(payload)
    mask = 0 if key is None else 0x80
    if size < 126:
        header = struct.pack("!BB", first, mask | size)
    elif size < 65536:
        header = struct.pack("!BBH", first, mask | 126, size)
    else:
        header = struct.pack("!BBQ", first, mask | 127, size)
    return header + (payload if key is None else key + apply_mask(payload, key))


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return struct.pack("!H", code) + reason


def finish_parsing(codec: Codec) -> None:
    """Parse what is held, step by step."""
    while codec.held:
        codec.resume()


def feed_whole(codec: Codec, data: bytes) -> None:
    codec.receive_data(data)
    finish_parsing(codec)


def feed_bytewise(codec: Codec, data: bytes) -> None:
    for i in range(len(data)):
        codec.receive_data(data[i : i + 1])
    finish_parsing(codec)


def feed_like_asyncio(codec: Codec, data: bytes) -> None:
    """As asyncio does for a BufferedProtocol, with reads of all sizes; the last view is still held while parsing."""
    sizes = iter([1, 3, 7, 1000, 70_000, 5] * len(data))
    while data:
        view = codec.get_buffer(-1)
        size = min(len(view), len(data), next(sizes))
        view[:size] = data[:size]
        codec.buffer_updated(size)
        data = data[size:]
    finish_parsing(codec)


def peak_memory(action: Callable[[], object]) -> int:
    """The most memory, in bytes, that Python objects took during an action."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(params=[feed_whole, feed_bytewise, feed_like_asyncio], ids=["whole", "bytewise", "asyncio"])
def feed(request: pytest.FixtureRequest) -> Feed:
    feed: Feed = request.param
    return feed


@pytest.fixture
def server() -> Codec:
    return Codec(server=True)


@pytest.fixture
def client() -> Codec:
    return Codec(server=False)


def assert_failed(codec: Codec, code: int, *before: Event) -> None:
    """It reports `before` and the failure, tells the other side, and is deaf from then on."""
    *events, closed = codec.events_received()
    assert events == list(before)
    assert closed == Closed(code, codec.close_reason)
    assert codec.close_code == code
    assert codec.close_reason
    assert codec.data_to_send() == frame(FIN | CLOSE, close_payload(code, codec.close_reason.encode()), key=None)
    assert codec.state == State.CLOSED
    codec.receive_data(frame(FIN | TEXT, b"late") + frame(FIN | PING))
    codec.receive_eof()
    assert codec.events_received() == []
    assert codec.data_to_send() == b""


class TestFraming:
    """RFC 6455 §5.2, §5.3."""

    @pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 9, 125, 126, 127, 4096, 65535, 65536, 140_000])
    def test_payload_lengths(self, server: Codec, client: Codec, feed: Feed, size: int) -> None:
        data = os.urandom(size)
        feed(server, frame(FIN | BINARY, data))
        feed(client, frame(FIN | BINARY, data, key=None))
        assert server.events_received() == [data]
        assert client.events_received() == [data]

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
    def test_server_writes_the_shortest_header_and_no_mask(self, server: Codec, size: int) -> None:
        data = os.urandom(size)
        server.send_binary(data)
        wire = frame(FIN | BINARY, data, key=None)
        assert server.buffered_amount == len(wire)
        assert server.data_to_send() == wire
        assert server.buffered_amount == 0
        assert server.data_to_send() == b""

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
    def test_client_masks(self, client: Codec, size: int) -> None:
        data = os.urandom(size)
        client.send_binary(data)
        wire = client.data_to_send()
        header = len(frame(FIN | BINARY, data)) - size
        assert wire == frame(FIN | BINARY, data, key=wire[header - 4 : header])

    def test_masking_keys_do_not_repeat(self, client: Codec) -> None:
        # More than one filling of the key pool. 32 bits: a pair among 3,000 has a chance of 1 in 1,000.
        keys = []
        for _ in range(3000):
            client.send_binary(b"")
            keys.append(client.data_to_send()[2:6])
        assert len(set(keys)) >= len(keys) - 2

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
    def test_forked_processes_do_not_share_masking_keys(self, client: Codec) -> None:
        client.send_binary(b"")
        client.data_to_send()
        reader, writer = os.pipe()
        child = os.fork()
        client.send_binary(b"")
        if child == 0:
            os.write(writer, client.data_to_send())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 100) != client.data_to_send()
        os.close(reader)
        os.close(writer)

    @pytest.mark.parametrize("first", [FIN | bit | TEXT for bit in (RSV1, RSV2, RSV3)] + [FIN | RSV1 | PING])
    def test_reserved_bits(self, server: Codec, feed: Feed, first: int) -> None:
        feed(server, frame(FIN | TEXT, b"before") + frame(first, b"x"))
        assert_failed(server, 1002, "before")

    @pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    def test_reserved_opcodes(self, server: Codec, feed: Feed, opcode: int) -> None:
        feed(server, frame(FIN | opcode, b"x"))
        assert_failed(server, 1002)

    def test_server_refuses_unmasked_frame(self, server: Codec, feed: Feed) -> None:
        feed(server, frame(FIN | TEXT, b"x", key=None))
        assert_failed(server, 1002)

    def test_client_refuses_masked_frame(self, client: Codec, feed: Feed) -> None:
        feed(client, frame(FIN | TEXT, b"x"))
        assert client.events_received() == [Closed(1002, client.close_reason)]

    @pytest.mark.parametrize(
        "header",
        [
            struct.pack("!BBH", FIN | BINARY, 0x80 | 126, 125),
            struct.pack("!BBQ", FIN | BINARY, 0x80 | 127, 65535),
            struct.pack("!BBQ", FIN | BINARY, 0x80 | 127, 1 << 63),
            struct.pack("!BBQ", FIN | BINARY, 0x80 | 127, (1 << 64) - 1),
        ],
    )
    def test_bad_payload_lengths(self, server: Codec, feed: Feed, header: bytes) -> None:
        feed(server, header)
        assert_failed(server, 1002)

    def test_a_prepared_message_is_an_ordinary_one(self, server: Codec, client: Codec) -> None:
        for message in ("text é", b"binary", bytearray(b"x" * 70_000)):
            server.send_prepared(PreparedMessage(message))
            client.receive_data(server.data_to_send())
            assert client.events_received() == [message]
        with pytest.raises(RuntimeError, match="masks"):
            client.send_prepared(PreparedMessage("x"))


class TestFragmentation:
    """RFC 6455 §5.4."""

    def test_message_in_fragments_with_control_frames_between(self, server: Codec, feed: Feed) -> None:
        euro = "€".encode()
        feed(
            server,
            frame(TEXT, b"a" + euro[:1])
            + frame(FIN | PING, b"1")
            + frame(CONTINUATION, b"")
            + frame(CONTINUATION, euro[1:2], key=b"\0\1\2\3")
            + frame(FIN | PONG, b"2")
            + frame(FIN | CONTINUATION, euro[2:] + b"b")
            + frame(FIN | BINARY, b"next"),
        )
        assert server.events_received() == [Pong(b"2"), "a€b", b"next"]
        assert server.data_to_send() == frame(FIN | PONG, b"1", key=None)

    def test_empty_fragments_make_an_empty_message(self, server: Codec, feed: Feed) -> None:
        feed(server, frame(TEXT) + frame(CONTINUATION) + frame(FIN | CONTINUATION))
        feed(server, frame(BINARY) + frame(FIN | CONTINUATION))
        assert server.events_received() == ["", b""]

    @pytest.mark.parametrize("size", [100, 70_000, 200_000])
    def test_large_fragments(self, server: Codec, feed: Feed, size: int) -> None:
        data = os.urandom(3 * size)
        feed(
            server,
            frame(BINARY, data[:size])
            + frame(CONTINUATION, data[size : 2 * size])
            + frame(FIN | CONTINUATION, data[2 * size :])
            + frame(FIN | TEXT, b"next"),
        )
        assert server.events_received() == [data, "next"]

    @pytest.mark.parametrize("first", [CONTINUATION, FIN | CONTINUATION])
    def test_continuation_of_nothing(self, server: Codec, feed: Feed, first: int) -> None:
        feed(server, frame(FIN | TEXT, b"whole") + frame(first, b"x"))
        assert_failed(server, 1002, "whole")

    @pytest.mark.parametrize("first", [TEXT, FIN | TEXT, BINARY, FIN | BINARY])
    def test_new_message_inside_a_message(self, server: Codec, feed: Feed, first: int) -> None:
        feed(server, frame(TEXT, b"begun") + frame(first, b"x"))
        assert_failed(server, 1002)

    def test_sending_in_fragments(self, client: Codec, server: Codec) -> None:
        euro = "€".encode()
        client.send_fragment(euro[:2], first=True, fin=False, text=True)
        client.send_ping(b"between")
        client.send_fragment(euro[2:], first=False, fin=False, text=True)
        client.send_fragment("ü", first=False, fin=True, text=True)
        client.send_fragment(b"one", first=True, fin=True, text=False)
        server.receive_data(client.data_to_send())
        assert server.events_received() == ["€ü", b"one"]
        assert server.data_to_send() == frame(FIN | PONG, b"between", key=None)

    def test_fragments_out_of_place_are_refused(self, server: Codec) -> None:
        with pytest.raises(RuntimeError):
            server.send_fragment(b"x", first=False, fin=True, text=False)
        server.send_fragment(b"x", first=True, fin=False, text=False)
        queued = server.buffered_amount
        with pytest.raises(RuntimeError):
            server.send_fragment(b"x", first=True, fin=True, text=False)
        with pytest.raises(RuntimeError):
            server.send_binary(b"x")
        with pytest.raises(RuntimeError):
            server.send_prepared(PreparedMessage(b"x"))
        assert server.buffered_amount == queued

    def test_text_fragments_must_be_utf8(self, server: Codec) -> None:
        with pytest.raises(ValueError, match="UTF-8"):
            server.send_fragment(b"\xff", first=True, fin=False, text=True)
        server.send_fragment(b"\xe2\x82", first=True, fin=False, text=True)
        with pytest.raises(ValueError, match="UTF-8"):
            server.send_fragment(b"", first=False, fin=True, text=True)
        server.send_fragment(b"\xac", first=False, fin=True, text=True)
        with pytest.raises(TypeError):
            server.send_fragment("x", first=True, fin=True, text=False)


class TestControlFrames:
    """RFC 6455 §5.5."""

    def test_ping_is_answered_with_its_payload(self, server: Codec, feed: Feed) -> None:
        payload = os.urandom(125)
        feed(server, frame(FIN | PING, payload) + frame(FIN | PING))
        assert server.events_received() == []
        assert server.data_to_send() == frame(FIN | PONG, payload, key=None) + frame(FIN | PONG, key=None)

    def test_unsolicited_pong(self, server: Codec, feed: Feed) -> None:
        feed(server, frame(FIN | PONG, b"x"))
        assert server.events_received() == [Pong(b"x")]
        assert server.data_to_send() == b""

    @pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
    def test_fragmented_control_frame(self, server: Codec, feed: Feed, opcode: int) -> None:
        feed(server, frame(opcode, b""))
        assert_failed(server, 1002)

    @pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
    def test_control_frame_too_long(self, server: Codec, feed: Feed, opcode: int) -> None:
        feed(server, frame(FIN | opcode, close_payload(1000, b"x" * 124)))
        assert_failed(server, 1002)

    def test_sending_pings_and_pongs(self, server: Codec, client: Codec) -> None:
        client.send_ping(b"1")
        client.send_pong(b"2")
        server.receive_data(client.data_to_send())
        assert server.events_received() == [Pong(b"2")]
        assert server.data_to_send() == frame(FIN | PONG, b"1", key=None)
        with pytest.raises(ValueError, match="125"):
            client.send_ping(b"x" * 126)
        assert client.buffered_amount == 0


class TestClosing:
    """RFC 6455 §5.5.1, §7."""

    @pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1012, 1014, 3000, 4999])
    def test_close_is_echoed(self, server: Codec, feed: Feed, code: int) -> None:
        payload = close_payload(code, "adé".encode())
        feed(server, frame(FIN | BINARY, b"before") + frame(FIN | CLOSE, payload) + frame(FIN | TEXT, b"after"))
        assert server.events_received() == [b"before", Closed(code, "adé")]
        assert server.data_to_send() == frame(FIN | CLOSE, payload, key=None)
        assert (server.state, server.close_code, server.close_reason) == (State.CLOSED, code, "adé")
        assert server.close_received
        server.receive_eof()
        assert server.events_received() == []

    def test_close_without_code(self, server: Codec, feed: Feed) -> None:
        feed(server, frame(FIN | CLOSE))
        assert server.events_received() == [Closed(1005, "")]
        assert server.data_to_send() == frame(FIN | CLOSE, key=None)

    @pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
    def test_invalid_close_codes(self, server: Codec, client: Codec, feed: Feed, code: int) -> None:
        feed(server, frame(FIN | CLOSE, close_payload(code)))
        assert_failed(server, 1002)
        with pytest.raises(ValueError, match=r"reason|close code"):
            client.send_close(code, "x")
        assert client.buffered_amount == 0

    def test_close_payload_of_one_byte(self, server: Codec, feed: Feed) -> None:
        feed(server, frame(FIN | CLOSE, b"\x03"))
        assert_failed(server, 1002)

    @pytest.mark.parametrize("reason", [b"\xff", b"\xe2\x82", b"\xed\xa0\x80"])
    def test_reason_must_be_utf8(self, server: Codec, feed: Feed, reason: bytes) -> None:
        feed(server, frame(FIN | CLOSE, close_payload(1000, reason)))
        assert_failed(server, 1007)

    def test_own_close(self, client: Codec, server: Codec) -> None:
        server.send_text("last words")
        client.send_close(4000, "bye")
        assert client.state == State.CLOSING
        assert client.close_code == -1
        # Data that was on its way is still received (RFC 6455 §1.4), and a ping still answered.
        server.send_ping(b"p")
        client.receive_data(server.data_to_send())
        assert client.events_received() == ["last words"]
        answers = client.data_to_send()
        assert answers.endswith(frame(FIN | PONG, b"p", key=answers[-5:-1]))
        server.receive_data(answers)
        assert server.events_received() == [Closed(4000, "bye")]
        client.receive_data(server.data_to_send())
        assert client.events_received() == [Closed(4000, "bye")]
        assert client.data_to_send() == b""
        assert (client.state, server.state) == (State.CLOSED, State.CLOSED)

    def test_both_close_at_once(self, client: Codec, server: Codec) -> None:
        client.send_close(3001)
        server.send_close(3002)
        to_server, to_client = client.data_to_send(), server.data_to_send()
        client.receive_data(to_client)
        server.receive_data(to_server)
        assert (client.close_code, server.close_code) == (3002, 3001)
        assert client.data_to_send() == server.data_to_send() == b""

    def test_close_inside_a_fragmented_message(self, server: Codec, feed: Feed) -> None:
        feed(server, frame(BINARY, b"begun") + frame(FIN | CLOSE, close_payload(1001)))
        assert server.events_received() == [Closed(1001, "")]

    def test_end_of_file_without_close(self, server: Codec) -> None:
        server.receive_data(frame(FIN | TEXT, b"x") + frame(FIN | TEXT, b"cut off")[:-1])
        server.receive_eof()
        assert server.events_received() == ["x", Closed(1006, "")]
        assert server.state == State.CLOSED
        assert server.data_to_send() == b""

    def test_end_of_file_after_own_close(self, server: Codec) -> None:
        server.send_close()
        server.receive_eof()
        assert (server.state, server.close_code) == (State.CLOSED, 1006)

    def test_protocol_error_after_own_close_sends_no_second_close(self, server: Codec) -> None:
        server.send_close()
        server.data_to_send()
        server.receive_data(frame(FIN | 3))
        assert server.close_code == 1002
        assert server.data_to_send() == b""

    def test_sending_after_close(self, server: Codec) -> None:
        server.send_close(1000)
        server.send_close(1001)
        wire = server.data_to_send()
        assert wire == frame(FIN | CLOSE, close_payload(1000), key=None)
        with pytest.raises(RuntimeError):
            server.send_text("x")
        with pytest.raises(RuntimeError):
            server.send_binary(b"x")
        with pytest.raises(RuntimeError):
            server.send_prepared(PreparedMessage("x"))
        with pytest.raises(RuntimeError):
            server.send_fragment("x", first=True, fin=True, text=True)
        server.receive_eof()
        with pytest.raises(RuntimeError):
            server.send_ping()
        assert server.data_to_send() == b""

    def test_close_without_code_or_with_too_long_a_reason(self, server: Codec) -> None:
        with pytest.raises(ValueError, match="123"):
            server.send_close(1000, "é" * 62)
        server.send_close(1005)
        assert server.data_to_send() == frame(FIN | CLOSE, key=None)


class TestFailureAfterMessages:
    """RFC 6455 §7.1.7: what came before the failure is answered before it is told."""

    @pytest.fixture
    def failing(self, server: Codec) -> Codec:
        server.receive_data(frame(FIN | TEXT, b"question") + frame(FIN | RSV2 | TEXT, b"x"))
        assert server.events_received() == ["question", Closed(1002, server.close_reason)]
        assert server.state == State.OPEN
        return server

    @staticmethod
    def close_frame(codec: Codec) -> bytes:
        return frame(FIN | CLOSE, close_payload(1002, codec.close_reason.encode()), key=None)

    def test_an_answer_goes_out_before_the_close_frame(self, failing: Codec) -> None:
        failing.send_text("answer")
        assert failing.data_to_send() == frame(FIN | TEXT, b"answer", key=None) + self.close_frame(failing)
        assert failing.state == State.CLOSED

    def test_nothing_more_is_received(self, failing: Codec) -> None:
        failing.receive_data(frame(FIN | TEXT, b"late") + frame(FIN | CLOSE))
        failing.receive_eof()
        assert failing.events_received() == []
        assert failing.state == State.CLOSED
        assert failing.close_code == 1002

    def test_closing_meanwhile_tells_the_failure(self, failing: Codec) -> None:
        failing.send_close(1000, "bye")
        assert failing.data_to_send() == self.close_frame(failing)
        assert failing.state == State.CLOSED

    def test_after_a_close_frame_of_ours_there_is_no_other(self, server: Codec) -> None:
        server.send_close(1000)
        server.receive_data(frame(FIN | TEXT, b"x") + frame(FIN | RSV2 | TEXT, b"x"))
        assert server.data_to_send() == frame(FIN | CLOSE, close_payload(1000), key=None)
        assert server.state == State.CLOSED


class TestText:
    """RFC 6455 §5.6, §8.1; RFC 3629 §4."""

    @pytest.mark.parametrize(
        "text", ["", "a", "ascii " * 50, "é", "\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"]
    )
    def test_valid(self, server: Codec, feed: Feed, text: str) -> None:
        data = text.encode()
        feed(server, frame(FIN | TEXT, data))
        feed(server, frame(TEXT, data[:1]) + frame(FIN | CONTINUATION, data[1:]))
        assert server.events_received() == [text, text]

    @pytest.mark.parametrize(
        "data",
        [
            b"\x80",
            b"\xc0\x80",
            b"\xc1\xbf",
            b"\xe0\x9f\xbf",
            b"\xed\xa0\x80",
            b"\xed\xbf\xbf",
            b"\xf0\x8f\xbf\xbf",
            b"\xf4\x90\x80\x80",
            b"\xf5\x80\x80\x80",
            b"\xff",
            b"\xe2\x28\xa1",
            b"\xe2\x82",
            b"0123456789abcdef\xff",
        ],
    )
    def test_invalid(self, server: Codec, feed: Feed, data: bytes) -> None:
        for codec, wire in (
            (server, frame(FIN | TEXT, data)),
            (Codec(server=True), frame(TEXT, data[:1]) + frame(FIN | CONTINUATION, data[1:])),
        ):
            feed(codec, wire)
            assert_failed(codec, 1007)

    @pytest.mark.parametrize(
        ("text", "bad"),
        [
            (b"ok \x80", 3),
            (b"\xc1\xbf", 0),
            (b"\xc3\x28", 1),
            (b"\xe0\x9f\xbf", 1),
            (b"\xed\xa0\x80", 1),
            (b"\xee\x80\x7f", 2),
            (b"\xf0\x8f\xbf\xbf", 1),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xf1\x80\x80\xc0", 3),
            (b"\xf5\x80", 0),
        ],
    )
    def test_fails_at_the_invalid_byte(self, server: Codec, text: bytes, bad: int) -> None:
        wire = frame(FIN | TEXT, text + b" and more")
        header = 6
        server.receive_data(wire[: header + bad])
        assert server.state == State.OPEN
        server.receive_data(wire[header + bad : header + bad + 1])
        assert_failed(server, 1007)

    def test_lone_surrogate_cannot_be_sent(self, server: Codec) -> None:
        with pytest.raises(UnicodeEncodeError):
            server.send_text("\ud800")
        assert server.buffered_amount == 0


class TestLimits:
    """max_message_size, and what a codec holds."""

    def test_largest_message(self, feed: Feed) -> None:
        codec = Codec(server=True, max_message_size=1000)
        data = b"x" * 1000
        feed(codec, frame(FIN | BINARY, data) + frame(BINARY, data[:600]) + frame(FIN | CONTINUATION, data[600:]))
        assert codec.events_received() == [data, data]

    def test_message_too_big_is_seen_in_the_header(self, feed: Feed) -> None:
        codec = Codec(server=True, max_message_size=1000)
        feed(codec, frame(FIN | BINARY, b"x" * 1001)[:4])
        assert_failed(codec, 1009)

    def test_fragments_too_big_together(self, feed: Feed) -> None:
        codec = Codec(server=True, max_message_size=1000)
        feed(codec, frame(BINARY, b"x" * 600) + frame(CONTINUATION, b"x" * 401)[:4])
        assert_failed(codec, 1009)

    def test_control_frames_do_not_count(self, feed: Feed) -> None:
        codec = Codec(server=True, max_message_size=0)
        feed(codec, frame(FIN | PING, b"x" * 125) + frame(FIN | TEXT))
        assert codec.events_received() == [""]

    def test_compressed_message_too_big(self, feed: Feed) -> None:
        deflate = Deflate(min_size=0)
        for size, fits in ((1000, True), (1001, False), (1_000_000, False)):
            client = Codec(server=False, deflate=deflate)
            client.send_binary(bytes(size))
            codec = Codec(server=True, max_message_size=1000, deflate=deflate)
            feed(codec, client.data_to_send())
            if fits:
                assert codec.events_received() == [bytes(size)]
            else:
                assert_failed(codec, 1009)

    def test_incompressible_message_of_full_size(self) -> None:
        deflate = Deflate(min_size=0)
        client = Codec(server=False, deflate=deflate)
        server = Codec(server=True, deflate=deflate, max_message_size=200_000)
        data = os.urandom(200_000)
        client.send_binary(data)
        feed_whole(server, client.data_to_send())
        assert server.events_received() == [data]

    def test_large_frame_is_received_straight_into_the_message(self, client: Codec) -> None:
        data = os.urandom(1 << 20)
        wire = frame(FIN | BINARY, data, key=None)
        client.receive_data(wire[:1000])
        view = client.get_buffer()
        assert len(view) == len(wire) - 1000
        view[:] = wire[1000:]
        client.buffer_updated(len(view))
        [message] = client.events_received()
        assert message == data
        assert view.obj is message

    def test_header_alone_takes_no_memory(self) -> None:
        codec = Codec(server=True, max_message_size=1 << 40)
        header = struct.pack("!BBQ", FIN | BINARY, 0x80 | 127, 1 << 40) + b"\0\0\0\0"

        def receive_header() -> None:
            codec.receive_data(header)
            codec.get_buffer()

        assert peak_memory(receive_header) < 2 << 20

    def test_bomb_takes_no_memory(self) -> None:
        client = Codec(server=False, deflate=Deflate(min_size=0, level=9))
        client.send_binary(bytes(100_000_000))
        wire = client.data_to_send()
        codec = Codec(server=True, max_message_size=1 << 20, deflate=Deflate())
        assert len(wire) < 200_000
        assert peak_memory(lambda: feed_whole(codec, wire)) < 5 << 20
        assert codec.close_code == 1009

    def test_idle_connections_own_no_buffers(self) -> None:
        codecs: list[Codec] = []
        wire = frame(FIN | BINARY, bytes(100_000)) + frame(FIN | TEXT, b"cut off")[:5]

        def use(codec: Codec) -> None:
            feed_like_asyncio(codec, wire)
            assert codec.events_received() == [bytes(100_000)]
            codec.send_binary(bytes(10_000))
            codec.data_to_send()
            codecs.append(codec)

        use(Codec(server=True))  # fills the shared pool
        tracemalloc.start()
        for _ in range(100):
            use(Codec(server=True))
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert kept / 100 < 4000

    def test_reads_that_bring_nothing_cost_nothing(self) -> None:
        Codec(server=True).get_buffer()  # makes the one that all share
        codecs = [Codec(server=True, deflate=deflate) for deflate in (None, Deflate()) for _ in range(100)]

        def ask() -> None:
            for codec in codecs:
                codec.get_buffer()

        assert peak_memory(ask) < 10_000
        # Each has its own part of a frame nevertheless.
        for i, codec in enumerate(codecs):
            feed_like_asyncio(codec, frame(FIN | TEXT, b"%d" % i)[: i % 7 + 1])
        ask()
        for i, codec in enumerate(codecs):
            feed_like_asyncio(codec, frame(FIN | TEXT, b"%d" % i)[i % 7 + 1 :])
            assert codec.events_received() == [str(i)]

    def test_views_that_are_kept_do_no_harm(self) -> None:
        codec = Codec(server=False)
        data = os.urandom(6 << 20)
        wire = memoryview(frame(BINARY, data, key=None) + frame(FIN | CONTINUATION, b"end", key=None))
        views = []
        while wire:
            view = codec.get_buffer()
            size = min(len(view), len(wire))
            view[:size] = wire[:size]
            codec.buffer_updated(size)
            wire = wire[size:]
            views.append(view)
        assert codec.events_received() == [data + b"end"]
        del codec
        for view in views:
            view[:1] = b"!"

    @pytest.mark.parametrize("deflate", [None, Deflate(min_size=0)])
    @pytest.mark.parametrize("message", ["x" * 1000, "é" * 1000, "€" * 1000, "𝄞" * 1000, bytes(1000), "", b""])
    def test_events_are_counted_as_the_memory_they_take(
        self, feed: Feed, deflate: Deflate | None, message: str | bytes
    ) -> None:
        client, server = Codec(server=False, deflate=deflate), Codec(server=True, deflate=deflate)
        if isinstance(message, str):
            client.send_text(message)
        else:
            client.send_binary(message)
        client.send_pong(b"12345")
        feed(server, client.data_to_send())
        size = server.events_size
        received, pong = server.events_received()
        assert isinstance(pong, Pong)
        # What getsizeof() does not know is a place in a list.
        assert abs(size - sum(map(sys.getsizeof, (received, pong, pong.payload)))) < 100
        assert (received, server.events_size) == (message, 0)

    def test_wrong_byte_counts_are_bounded(self, server: Codec) -> None:
        server.buffer_updated(1000)
        view = server.get_buffer()
        view[:7] = frame(FIN | TEXT, b"x")
        server.buffer_updated(-1)
        server.get_buffer()
        server.buffer_updated(1 << 60)
        server.receive_eof()
        assert server.state == State.CLOSED

    @pytest.mark.parametrize("value", [-1, (1 << 63) - 1])
    def test_limit_out_of_range(self, value: int) -> None:
        with pytest.raises(ValueError, match="max_message_size"):
            Codec(server=True, max_message_size=value)


class TestSteps:
    """What one call parses is bounded; the rest is held."""

    SMALL = frame(FIN | BINARY, b"x" * 20)

    def test_events_of_one_step(self, server: Codec) -> None:
        count = 10_000
        server.receive_data(self.SMALL * count)
        rest, steps = server.held, 1
        events = server.events_received()
        assert 500 < len(events) <= 1024
        assert rest == (count - len(events)) * len(self.SMALL)
        while server.held:
            server.resume()
            assert server.held < rest
            rest = server.held
            part = server.events_received()
            assert len(part) <= 1024
            events += part
            steps += 1
        assert events == [b"x" * 20] * count
        assert steps < 25
        server.resume()
        assert server.events_received() == []

    @pytest.mark.parametrize("message", ["a" * 60_000, "a" * 59_990 + "𝄞", b"a" * 60_000])
    def test_memory_of_one_step(self, server: Codec, message: str | bytes) -> None:
        payload = message.encode() if isinstance(message, str) else message
        first = FIN | (TEXT if isinstance(message, str) else BINARY)
        server.receive_data(frame(first, payload) * 20)
        limit = 512 * 1024 + 4 * len(message)
        assert server.events_size < limit
        events = server.events_received()
        while server.held:
            server.resume()
            assert server.events_size < limit
            events += server.events_received()
        assert events == [message] * 20

    def test_a_read_of_large_messages_is_parsed_in_one_step(self, server: Codec) -> None:
        for size in (1000, 16_000, 65_536, 250_000):
            wire = memoryview(frame(FIN | BINARY, bytes(size)) * (600_000 // size + 1))
            while wire:
                view = server.get_buffer()
                part = min(len(view), len(wire))
                view[:part] = wire[:part]
                server.buffer_updated(part)
                wire = wire[part:]
                assert server.held == 0
            assert set(map(len, server.events_received())) == {size}

    @pytest.mark.parametrize(
        ("unit", "count"),
        [
            (frame(FIN | PING), 20_000),
            (frame(FIN | PING, b"x" * 125), 2000),
            (frame(FIN | PONG), 20_000),
            (frame(CONTINUATION), 20_000),
            (frame(CONTINUATION, b"x"), 20_000),
        ],
    )
    def test_what_reports_nothing_is_work_too(self, server: Codec, unit: bytes, count: int) -> None:
        server.receive_data(frame(BINARY) + unit * count)
        parsed = len(unit) * count - server.held
        assert 0 < parsed <= 1100 * len(unit)
        finish_parsing(server)
        assert server.state == State.OPEN

    @pytest.mark.parametrize("fin", [True, False])
    def test_unpacking_is_work_too(self, fin: bool) -> None:
        sender = Codec(server=False, deflate=Deflate(min_size=0, level=9))
        sender.send_binary(bytes(8 << 20))
        wire = sender.data_to_send()
        server = Codec(server=True, deflate=Deflate())
        server.receive_data(wire if fin else bytes([wire[0] & ~FIN]) + wire[1:])
        steps = 1
        while server.held:
            assert server.unfinished < steps * 1024 * 1024  # The memory for it doubles.
            server.resume()
            steps += 1
        assert steps * 512 * 1024 >= 8 << 20
        assert list(map(len, server.events_received())) == ([8 << 20] if fin else [])

    def test_empty_compressed_messages_are_work_too(self) -> None:
        server = Codec(server=True, deflate=Deflate(client_no_context_takeover=True))
        server.receive_data(frame(FIN | RSV1 | TEXT, b"\0") * 5000)
        assert 50 < len(server.events_received()) < 300
        finish_parsing(server)
        assert len(server.events_received()) > 4000

    def test_tables_without_data_are_work_too(self) -> None:
        # An empty block that describes its own code takes zlib longer than any other dozen bytes.
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY)
        text = random.Random(1).choices(b"abcdefghij" + bytes(range(200)), k=40_000)
        payload = b"".join(
            deflater.compress(bytes(text[i : i + 40])) + deflater.flush(zlib.Z_FULL_FLUSH) for i in range(0, 40_000, 40)
        )
        server = Codec(server=True, deflate=Deflate())
        server.receive_data(frame(RSV1 | BINARY, payload))
        assert len(payload) - server.held < 8 * 1024

    def test_what_arrives_meanwhile_is_parsed_behind_what_is_held(self, server: Codec) -> None:
        expected: list[Event] = []
        for i in range(50):
            messages = [b"%d.%d" % (i, j) for j in range(300 if i else 3000)]
            wire = b"".join(frame(FIN | BINARY, message) for message in messages)
            expected += messages
            if i % 2:
                server.receive_data(wire)
            else:
                view = server.get_buffer()
                view[: len(wire)] = wire
                server.buffer_updated(len(wire))
        assert server.held > 0
        events = server.events_received()
        while server.held:
            server.resume()
            events += server.events_received()
        assert events == expected

    def test_a_cut_frame_at_the_end_of_what_is_held(self, server: Codec) -> None:
        wire = self.SMALL * 3000 + frame(FIN | TEXT, b"cut")
        server.receive_data(wire[:-5])
        view = server.get_buffer()  # It may be asked for before, and written to after.
        finish_parsing(server)
        view[:5] = wire[-5:]
        server.buffer_updated(5)
        assert server.events_received() == [b"x" * 20] * 3000 + ["cut"]

    def test_a_large_frame_behind_a_step(self, server: Codec) -> None:
        data = os.urandom(300_000)
        wire = self.SMALL * 3000 + frame(FIN | BINARY, data)
        for start in range(0, len(wire), 50_000):
            server.receive_data(wire[start : start + 50_000])
        finish_parsing(server)
        assert server.events_received()[-1] == data

    def test_end_of_file_while_something_is_held(self, server: Codec) -> None:
        server.receive_data(self.SMALL * 3000)
        server.receive_eof()
        assert server.is_open()
        server.receive_data(frame(FIN | TEXT, b"after the end"))
        finish_parsing(server)
        assert server.events_received() == [b"x" * 20] * 3000 + [Closed(1006, "")]
        assert server.state == State.CLOSED

    def test_end_of_file_behind_a_held_close_frame(self, server: Codec) -> None:
        server.receive_data(self.SMALL * 3000 + frame(FIN | CLOSE, close_payload(3000, b"bye")))
        server.receive_eof()
        finish_parsing(server)
        assert server.events_received()[-1] == Closed(3000, "bye")
        assert server.data_to_send() == frame(FIN | CLOSE, close_payload(3000, b"bye"), key=None)

    @pytest.mark.parametrize("last", [FIN | CLOSE, FIN | RSV2 | TEXT])
    def test_what_is_held_behind_the_end_is_discarded(self, server: Codec, last: int) -> None:
        server.receive_data(self.SMALL * 1100 + frame(last) + self.SMALL * 3000)
        assert server.held > 3000
        server.resume()
        assert (server.held, server.unfinished) == (0, 0)
        assert isinstance(server.events_received()[-1], Closed)
        assert server.events_received() == []

    def test_what_is_held_has_a_buffer_of_its_size(self, server: Codec) -> None:
        wire = self.SMALL * 3000
        server.receive_data(wire)  # fills the shared pool
        server.discard()
        codec = Codec(server=True)
        tracemalloc.start()
        codec.receive_data(wire)
        codec.events_received()
        kept, _ = tracemalloc.get_traced_memory()
        assert codec.held <= kept < codec.held + 2000
        finish_parsing(codec)
        codec.events_received()
        assert tracemalloc.get_traced_memory()[0] < 2000
        tracemalloc.stop()

    def test_a_step_has_a_size(self) -> None:
        codec = Codec(server=True, step_size=1)
        codec.receive_data(self.SMALL * 3)
        assert (len(codec.events_received()), codec.held) == (1, 2 * len(self.SMALL))
        with pytest.raises(ValueError, match="step_size"):
            Codec(server=True, step_size=0)


class TestUnfinished:
    """What a message under assembly holds is told."""

    def test_a_message_in_fragments(self, server: Codec) -> None:
        assert (server.has_unfinished, server.unfinished) == (False, 0)
        server.receive_data(frame(BINARY))
        assert server.has_unfinished
        assert 0 < server.unfinished < 1000
        server.receive_data(frame(CONTINUATION, bytes(50_000)))
        assert 50_000 <= server.unfinished <= 110_000
        server.receive_data(frame(FIN | PING))
        assert 50_000 <= server.unfinished <= 110_000
        server.receive_data(frame(FIN | CONTINUATION))
        assert (server.has_unfinished, server.unfinished) == (False, 0)

    def test_one_is_told_from_the_next(self, server: Codec) -> None:
        server.receive_data(frame(FIN | BINARY, b"whole") * 3)
        assert server.messages_begun == 0
        wire = frame(FIN | BINARY, b"first") + frame(FIN | TEXT, b"second")
        begun = []
        for i in range(len(wire)):
            server.receive_data(wire[i : i + 1])
            begun.append((server.has_unfinished, server.messages_begun))
        header, size = 6, len(wire) // 2
        assert begun[header - 1 : size] == [(True, 1)] * (size - header) + [(False, 1)]
        assert begun[-2:] == [(True, 2), (False, 2)]

    def test_a_large_frame(self, client: Codec) -> None:
        wire = frame(FIN | BINARY, bytes(3 << 20), key=None)
        client.receive_data(wire[:100_000])
        assert 90_000 <= client.unfinished <= 300_000
        view = client.get_buffer()
        assert client.unfinished >= len(view)
        client.receive_data(wire[100_000:-1])
        assert 3 << 20 <= client.unfinished <= 3 << 20 | 4096
        client.receive_data(wire[-1:])
        assert client.unfinished == 0

    @pytest.mark.parametrize("bits", [9, 15])
    def test_an_inflater_that_is_alive(self, bits: int) -> None:
        deflate = Deflate(client_max_window_bits=bits, min_size=0)
        sender, server = Codec(server=False, deflate=deflate), Codec(server=True, deflate=deflate)
        sender.send_fragment(bytes(40_000), first=True, fin=False, text=False)
        server.receive_data(sender.data_to_send())
        assert 40_000 + 2**bits <= server.unfinished <= 100_000 + 2**bits
        sender.send_fragment(b"", first=False, fin=True, text=False)
        server.receive_data(sender.data_to_send())
        assert server.unfinished == 0
        assert server.events_received() == [bytes(40_000)]

    def test_what_is_held(self, server: Codec) -> None:
        server.receive_data(frame(FIN | BINARY, b"x") * 3000)
        assert server.unfinished == server.held > 0
        assert not server.has_unfinished
        finish_parsing(server)
        assert server.unfinished == 0

    @pytest.mark.parametrize("size", [1 << 20, 20 << 20])
    def test_a_compressed_message_holds_no_more_than_it_may(self, size: int) -> None:
        sender = Codec(server=False, deflate=Deflate(min_size=0, level=9))
        sender.send_binary(bytes(size))
        codec = Codec(server=True, max_message_size=1 << 20, deflate=Deflate())
        wire = sender.data_to_send()
        assert peak_memory(lambda: feed_whole(codec, wire)) < (1 << 20) + 400_000 + len(wire)


class TestEnding:
    """`fail` and `discard`: the ends that somebody else decides on."""

    def test_a_failure_from_outside(self, server: Codec) -> None:
        server.receive_data(frame(FIN | TEXT, b"before") + frame(BINARY, b"begun"))
        server.fail(1008, "too slow")
        assert (server.has_unfinished, server.unfinished) == (False, 0)
        assert server.events_received() == ["before", Closed(1008, "too slow")]
        server.send_text("answer")
        assert server.data_to_send() == frame(FIN | TEXT, b"answer", key=None) + frame(
            FIN | CLOSE, close_payload(1008, b"too slow"), key=None
        )
        server.fail(1009, "again")
        assert (server.close_code, server.close_reason) == (1008, "too slow")
        assert server.events_received() == []
        assert server.data_to_send() == b""
        server.receive_data(frame(FIN | CLOSE, close_payload(1008)))
        assert not server.close_received

    def test_a_failure_discards_what_is_held(self, server: Codec) -> None:
        server.receive_data(frame(FIN | TEXT, b"x") * 3000)
        server.fail(1009, "too much")
        assert (server.held, server.unfinished) == (0, 0)
        server.resume()
        assert server.events_received()[-1] == Closed(1009, "too much")
        assert server.events_received() == []

    def test_a_failure_behind_the_end_of_file(self, server: Codec) -> None:
        server.receive_data(frame(FIN | TEXT, b"x") * 3000)
        server.receive_eof()
        server.fail(1008, "too slow")
        assert (server.state, server.close_code) == (State.CLOSED, 1008)

    def test_a_failure_while_a_read_is_under_way(self, client: Codec) -> None:
        for size in (100, 200_000):
            codec = Codec(server=False)
            codec.receive_data(frame(FIN | BINARY, bytes(size), key=None)[:50])
            view = codec.get_buffer()
            codec.fail(1008, "no more")
            view[:20] = bytes(20)
            codec.buffer_updated(20)
            assert codec.events_received() == [Closed(1008, "no more")]

    @pytest.mark.parametrize(("code", "reason"), [(1006, "x"), (0, "x"), (1008, "é" * 62)])
    def test_a_failure_that_cannot_be_told(self, server: Codec, code: int, reason: str) -> None:
        with pytest.raises(ValueError, match=r"code|123"):
            server.fail(code, reason)
        assert (server.state, server.buffered_amount) == (State.OPEN, 0)

    def test_a_connection_that_is_gone_keeps_nothing(self) -> None:
        deflate = Deflate(min_size=0)

        def use() -> Codec:
            codec = Codec(server=True, deflate=deflate)
            sender = Codec(server=False, deflate=deflate)
            sender.send_binary(os.urandom(100_000))
            sender.send_fragment(os.urandom(100_000), first=True, fin=False, text=False)
            feed_whole(codec, sender.data_to_send() + frame(FIN | PING, b"p") * 5000)
            codec.receive_data(frame(FIN | PONG, b"p") * 3000)
            assert codec.held > 0
            codec.send_binary(os.urandom(200_000))
            codec.discard()
            return codec

        use()
        tracemalloc.start()
        codecs = [use() for _ in range(10)]
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert kept / 10 < 2000
        for codec in codecs:
            assert (codec.state, codec.close_code, codec.close_reason) == (State.CLOSED, 1006, "")
            assert (codec.held, codec.unfinished, codec.events_size, codec.buffered_amount) == (0, 0, 0, 0)
            assert codec.events_received() == []
            assert codec.data_to_send() == b""
            feed_like_asyncio(codec, frame(FIN | TEXT, b"late"))
            codec.receive_eof()
            assert codec.events_received() == []
            with pytest.raises(RuntimeError):
                codec.send_ping()

    def test_a_close_code_stays(self, server: Codec) -> None:
        server.receive_data(frame(FIN | CLOSE, close_payload(3000, b"bye")))
        server.discard()
        server.discard()
        assert (server.close_code, server.close_reason) == (3000, "bye")
        assert server.data_to_send() == b""


class TestOwedPongs:
    """RFC 6455 §5.5.3: of several pings that were not answered yet, the newest may be answered only."""

    @staticmethod
    def pongs(codec: Codec, side: Codec) -> list[bytes]:
        """The payloads of what `codec` sends, which is nothing but pongs and, at the end, a close frame."""
        amount = codec.buffered_amount
        wire = codec.data_to_send()
        assert len(wire) == amount
        feed_whole(side, wire)
        return [event.payload for event in side.events_received() if isinstance(event, Pong)]

    @pytest.mark.parametrize("is_server", [True, False])
    @pytest.mark.parametrize("size", [0, 8, 125])
    def test_beyond_a_bound_the_newest_is_owed(self, is_server: bool, size: int) -> None:
        codec, side = Codec(server=is_server), Codec(server=not is_server)
        payloads = [b"%0*d" % (size, i) if size else b"" for i in range(5000)]
        for payload in payloads:
            side.send_ping(payload)
        feed_whole(codec, side.data_to_send())
        assert codec.buffered_amount < 4096 + 2 * 131
        answered = self.pongs(codec, side)
        assert len(answered) > 20
        assert answered == [*payloads[: len(answered) - 1], payloads[-1]]
        assert codec.buffered_amount == 0
        side.send_ping(b"next")
        feed_whole(codec, side.data_to_send())
        assert self.pongs(codec, side) == [b"next"]

    def test_others_are_sent_between(self, server: Codec, client: Codec) -> None:
        feed_whole(server, frame(FIN | PING, b"x" * 125) * 100)
        server.send_text("text")
        assert server.send_binary_head(3)  # Nothing may come between this and its payload.
        client.receive_data(server.data_to_send() + b"abc")
        events = client.events_received()
        assert events[-3:] == ["text", Pong(b"x" * 125), b"abc"]
        assert server.data_to_send() == b""

    def test_before_the_answer_to_a_close_frame(self, server: Codec, client: Codec) -> None:
        feed_whole(server, frame(FIN | PING, b"x" * 125) * 100 + frame(FIN | PING, b"last") + frame(FIN | CLOSE))
        assert self.pongs(server, client)[-1] == b"last"
        assert client.close_code == 1005
        assert server.data_to_send() == b""

    def test_before_the_close_frame_of_a_failure(self, server: Codec, client: Codec) -> None:
        feed_whole(server, frame(FIN | PING, b"x" * 125) * 100 + frame(FIN | PING, b"last") + frame(FIN | RSV2 | TEXT))
        assert self.pongs(server, client)[-1] == b"last"
        assert client.close_code == 1002

    def test_after_a_close_frame_of_ours(self, server: Codec, client: Codec) -> None:
        server.send_close(1000)
        feed_whole(server, frame(FIN | PING, b"x" * 125) * 100 + frame(FIN | PING, b"last"))
        wire = server.data_to_send()
        assert wire.endswith(frame(FIN | PONG, b"last", key=None))
        feed_whole(server, frame(FIN | PING, b"x" * 125) * 100 + frame(FIN | CLOSE, close_payload(1000)))
        assert len(server.data_to_send()) < 4096  # None is owed to who sends no more.

    def test_many_pings_cost_no_memory(self, server: Codec) -> None:
        wire = frame(FIN | PING, b"x" * 125) * 1000

        def flood() -> None:
            for _ in range(20):
                feed_whole(server, wire)

        feed_whole(server, wire)
        assert peak_memory(flood) < 150_000


class TestThreads:
    """One thread at a time uses a codec; who sends all the same sends whole messages, or is refused."""

    def test_messages_are_whole_or_refused(self) -> None:
        deflate = Deflate(min_size=100)
        server, client = Codec(server=True, deflate=deflate), Codec(server=False, deflate=deflate)
        prepared = PreparedMessage(b"P" + os.urandom(300_000))
        sent: list[bytes] = []
        refused = 0
        wires: list[bytes] = []
        start = threading.Barrier(4)

        def send(name: bytes) -> None:
            nonlocal refused
            start.wait()
            for i in range(150):
                message = name + os.urandom(1000) * (200 if i % 2 else 0)
                try:
                    if name == b"3" and i % 3 == 0:
                        message = b"P"
                        server.send_prepared(prepared)
                    elif name == b"2" and i % 3 == 0:
                        server.send_fragment(message, first=True, fin=True, text=False)
                    else:
                        server.send_binary(message)
                except RuntimeError:
                    refused += 1
                else:
                    sent.append(message)

        threads = [threading.Thread(target=send, args=(b"%d" % i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            wires.append(server.data_to_send())
        for thread in threads:
            thread.join()
        feed_whole(client, b"".join(wires) + server.data_to_send())
        events = client.events_received()
        received = [event if event[:1] != b"P" else b"P" for event in events if isinstance(event, bytes)]
        assert sorted(received) == sorted(sent)
        assert len(sent) + refused == 600
        assert client.close_code == -1

    def test_nothing_follows_a_close_frame(self) -> None:
        noise = os.urandom(3_000_000)
        for server in (True, False):
            codec = Codec(server=server, deflate=Deflate(min_size=0))
            side = Codec(server=not server, deflate=Deflate())
            started = threading.Event()

            def send(codec: Codec = codec, started: threading.Event = started) -> None:
                started.set()
                with contextlib.suppress(RuntimeError):
                    codec.send_binary(noise)

            thread = threading.Thread(target=send)
            thread.start()
            started.wait()
            codec.send_close(3000, "bye")
            thread.join()
            feed_whole(side, codec.data_to_send())
            events = side.events_received()
            assert events in ([Closed(3000, "bye")], [noise, Closed(3000, "bye")])


class TestDeflate:
    """RFC 7692 §6, §7."""

    @pytest.mark.parametrize(
        "deflate",
        [
            Deflate(min_size=0),
            Deflate(True, True, min_size=0),
            Deflate(False, False, 8, 8, min_size=0),
            Deflate(False, True, 9, 15, min_size=0, level=1, memory_level=9),
        ],
    )
    @pytest.mark.parametrize("from_server", [True, False])
    def test_round_trip(self, feed: Feed, deflate: Deflate, from_server: bool) -> None:
        sender, receiver = Codec(server=from_server, deflate=deflate), Codec(server=not from_server, deflate=deflate)
        messages: list[str | bytes] = ["", "x", "€" * 3000, b"", bytes(50_000), os.urandom(3000), "", "€" * 3000]
        for message in messages:
            if isinstance(message, str):
                sender.send_text(message)
            else:
                sender.send_binary(message)
        wire = sender.data_to_send()
        assert wire[0] == FIN | RSV1 | TEXT
        feed(receiver, wire)
        assert receiver.events_received() == messages

    def test_fragments(self, feed: Feed) -> None:
        deflate = Deflate(min_size=1)
        client, server = Codec(server=False, deflate=deflate), Codec(server=True, deflate=deflate)
        client.send_fragment("é" * 999, first=True, fin=False, text=True)
        client.send_ping(b"between")
        client.send_fragment("", first=False, fin=False, text=True)
        client.send_fragment("x" * 999, first=False, fin=False, text=True)
        client.send_fragment("", first=False, fin=True, text=True)
        client.send_text("next")
        wire = client.data_to_send()
        assert wire[0] == RSV1 | TEXT
        feed(server, wire)
        assert server.events_received() == ["é" * 999 + "x" * 999, "next"]
        assert server.data_to_send() == frame(FIN | PONG, b"between", key=None)

    def test_small_messages_stay_uncompressed(self) -> None:
        server = Codec(server=True, deflate=Deflate(min_size=100))
        server.send_text("x" * 99)
        assert server.data_to_send() == frame(FIN | TEXT, b"x" * 99, key=None)
        server.send_text("x" * 100)
        assert server.data_to_send()[0] == FIN | RSV1 | TEXT

    def test_binary_messages_may_stay_uncompressed(self) -> None:
        server = Codec(server=True, deflate=Deflate(min_size=0, binary=False))
        server.send_binary(bytes(100))
        server.send_fragment(bytes(100), first=True, fin=True, text=False)
        assert server.data_to_send() == frame(FIN | BINARY, bytes(100), key=None) * 2
        server.send_text("x" * 100)
        assert server.data_to_send()[0] == FIN | RSV1 | TEXT

    @pytest.mark.parametrize(
        "example",
        [
            "F2 48 CD C9 C9 07 00",  # §7.2.3.1: one block
            "00 05 00 FA FF 48 65 6C 6C 6F 00",  # §7.2.3.3: a block without compression
            "F3 48 CD C9 C9 07 00 00",  # §7.2.3.4: a block with BFINAL set
            "F2 48 05 00 00 00 FF FF CA C9 C9 07 00",  # §7.2.3.5: two blocks
        ],
    )
    def test_examples_of_the_rfc(self, feed: Feed, example: str) -> None:
        payload = bytes.fromhex(example)
        server = Codec(server=True, deflate=Deflate())
        feed(server, frame(FIN | RSV1 | TEXT, payload) * 2)
        feed(server, frame(RSV1 | TEXT, payload[:3]) + frame(FIN | CONTINUATION, payload[3:]))
        assert server.events_received() == ["Hello"] * 3

    def test_shared_window(self) -> None:
        server = Codec(server=True, deflate=Deflate())
        server.receive_data(frame(FIN | RSV1 | TEXT, bytes.fromhex("F2 48 CD C9 C9 07 00")))
        server.receive_data(frame(FIN | RSV1 | TEXT, bytes.fromhex("F2 00 11 00 00")))  # §7.2.3.2
        assert server.events_received() == ["Hello", "Hello"]

    @pytest.mark.parametrize("first", [RSV1 | CONTINUATION, FIN | RSV1 | CONTINUATION])
    def test_rsv1_in_a_continuation(self, feed: Feed, first: int) -> None:
        server = Codec(server=True, deflate=Deflate())
        feed(server, frame(RSV1 | BINARY, b"\0") + frame(first, b"\0"))
        assert_failed(server, 1002)

    @pytest.mark.parametrize("first", [FIN | RSV1 | PING, FIN | RSV1 | CLOSE])
    def test_rsv1_in_a_control_frame(self, feed: Feed, first: int) -> None:
        server = Codec(server=True, deflate=Deflate())
        feed(server, frame(first))
        assert_failed(server, 1002)

    def test_not_deflate(self, feed: Feed) -> None:
        server = Codec(server=True, deflate=Deflate())
        feed(server, frame(FIN | TEXT, b"plain") + frame(FIN | RSV1 | BINARY, b"\xff\xff\xff"))
        assert_failed(server, 1002, "plain")

    def test_invalid_text_inside_fails_before_the_message_ends(self) -> None:
        client, server = Codec(server=False, deflate=Deflate(min_size=0)), Codec(server=True, deflate=Deflate())
        client.send_binary(b"\xff" + bytes(100))
        wire = client.data_to_send()
        payload = apply_mask(wire[6:], wire[2:6])
        server.receive_data(frame(RSV1 | TEXT, payload + b"\0\0\xff\xff"))
        assert_failed(server, 1007)


class TestPolicy:
    """RFC 6455 §7.4.1, §10.4: 1009 for what is too big, 1008 for what breaks another rule of this side."""

    def test_too_many_fragments(self, feed: Feed) -> None:
        codec = Codec(server=True, max_fragments=3)
        three = frame(TEXT, b"a") + frame(CONTINUATION, b"") + frame(FIN | CONTINUATION, b"c")
        feed(codec, three * 2)
        assert codec.events_received() == ["ac", "ac"]
        assert codec.exceeded is None
        feed(codec, frame(TEXT, b"a") + frame(CONTINUATION, b"") * 3)
        assert (codec.exceeded, codec.exceeded_by) == ("max_fragments", 4)  # type: ignore[comparison-overlap]
        assert codec.close_reason == "message of over 3 fragments"
        assert_failed(codec, 1008)

    def test_a_message_in_one_frame_is_one_fragment(self, feed: Feed) -> None:
        codec = Codec(server=True, max_fragments=1)
        whole = frame(FIN | TEXT, b"x" * 100) + frame(FIN | BINARY, b"y" * 70_000)
        feed(codec, whole)
        assert codec.events_received() == ["x" * 100, b"y" * 70_000]
        feed(codec, frame(TEXT) + frame(FIN | PING) + frame(FIN | CONTINUATION))
        assert (codec.exceeded, codec.exceeded_by) == ("max_fragments", 2)

    def test_control_frames_between_are_no_fragments(self, feed: Feed) -> None:
        codec = Codec(server=True, max_fragments=2)
        feed(codec, frame(TEXT, b"a") + frame(FIN | PONG) * 5 + frame(FIN | CONTINUATION, b"b"))
        assert codec.events_received()[-1] == "ab"

    def test_zero_is_no_limit_of_fragments(self, feed: Feed) -> None:
        codec = Codec(server=True, max_fragments=0)
        feed(codec, frame(BINARY) + frame(CONTINUATION) * 5000 + frame(FIN | CONTINUATION, b"b"))
        assert codec.events_received() == [b"b"]

    def test_a_ratio_beyond_the_limit(self, feed: Feed) -> None:
        codec = Codec(server=True, deflate=Deflate(), max_ratio=100)
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = (deflater.compress(bytes(8 * MIB)) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
        feed(codec, frame(FIN | RSV1 | BINARY, bomb))
        assert codec.exceeded == "max_ratio"
        assert 100 < codec.exceeded_by < 1100
        assert codec.close_reason == "message unpacks to over 100 times its size"
        assert_failed(codec, 1008)

    def test_a_bomb_is_not_unpacked_whole(self) -> None:
        codec = Codec(server=True, deflate=Deflate(), max_ratio=100)
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = (deflater.compress(bytes(15 * MIB)) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
        assert peak_memory(lambda: feed_whole(codec, frame(FIN | RSV1 | BINARY, bomb))) < 4 * MIB
        assert codec.close_code == 1008

    @pytest.mark.parametrize("fragments", [1, 50])
    def test_a_ratio_within_the_limit_or_the_floor(self, feed: Feed, fragments: int) -> None:
        codec = Codec(server=True, deflate=Deflate(), max_ratio=100)
        noise = os.urandom(30_000)
        for data in (bytes(MIB), noise + bytes(2 * MIB), noise):
            deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = (deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
            size = -(-len(packed) // fragments)
            parts = [packed[at : at + size] for at in range(0, len(packed), size)]
            for index, part in enumerate(parts):
                first = 0 if index else RSV1 | BINARY
                feed(codec, frame(first | (FIN if index == len(parts) - 1 else 0), part))
            assert codec.events_received() == [data]

    def test_the_ratio_counts_what_has_arrived(self) -> None:
        """A long frame that is announced and does not come makes a bomb no smaller."""
        codec = Codec(server=True, deflate=Deflate(), max_ratio=100)
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = deflater.compress(bytes(8 * MIB)) + deflater.flush(zlib.Z_SYNC_FLUSH)
        feed_whole(codec, frame(FIN | RSV1 | BINARY, bomb + bytes(900_000))[: len(bomb)])
        assert codec.exceeded == "max_ratio"

    def test_size_says_by_how_much(self, feed: Feed) -> None:
        codec = Codec(server=True, max_message_size=10)
        feed(codec, frame(BINARY, b"12345") + frame(CONTINUATION, b"123456"))
        assert (codec.exceeded, codec.exceeded_by, codec.close_code) == ("max_message_size", 11, 1009)
        codec = Codec(server=True, max_message_size=10)
        feed(codec, b"\x82\xff" + (2**63 - 1).to_bytes(8, "big") + bytes(4))
        assert codec.exceeded == "max_message_size"
        assert codec.exceeded_by > 2**60

    def test_control_frames_are_counted_down(self, feed: Feed) -> None:
        codec = Codec(server=True)
        assert codec.control_allowance > 2**60
        codec.control_allowance = 3
        feed(codec, frame(FIN | PING) + frame(FIN | TEXT, b"a") + frame(FIN | PONG, b"b") + frame(FIN | PING) * 3)
        assert codec.control_allowance == -2
        assert codec.state == State.OPEN

    def test_a_limited_step_parses_less(self) -> None:
        codec = Codec(server=True)
        codec.limit_step(1)
        codec.receive_data(frame(FIN | BINARY, b"x") * 1000)
        first = len(codec.events_received())
        assert 1 <= first < 100
        finish_parsing(codec)
        assert first + len(codec.events_received()) == 1000
        codec.limit_step(10**9)
        codec.receive_data(frame(FIN | BINARY, b"x") * 1000)
        assert len(codec.events_received()) == first, "it never grows again"
