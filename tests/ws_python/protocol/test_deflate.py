"""permessage-deflate without frames: parameters, and streams cut into pieces."""

import os
import random
import zlib
from collections.abc import Callable

import pytest
from ws_python.protocol.deflate import Decompressor, Deflate, InvalidDeflateError

ROOM = 1 << 30


def unpack(decompressor: Decompressor, piece: bytes, *, last: bool = True, room: int = ROOM, most: int = ROOM) -> bytes:
    """Unpack all of a piece, `most` bytes at a time."""
    result = b""
    while True:
        data, unused = decompressor.decompress(piece, last=last, room=room - len(result), most=most)
        result += data
        if not unused or len(result) > room:
            return result
        piece = piece[-unused:]


class TestParameters:
    @pytest.mark.parametrize(
        ("name", "make"),
        [
            ("server_max_window_bits", lambda: Deflate(server_max_window_bits=7)),
            ("server_max_window_bits", lambda: Deflate(server_max_window_bits=16)),
            ("client_max_window_bits", lambda: Deflate(client_max_window_bits=7)),
            ("client_max_window_bits", lambda: Deflate(client_max_window_bits=16)),
            ("level", lambda: Deflate(level=10)),
            ("memory_level", lambda: Deflate(memory_level=0)),
            ("min_size", lambda: Deflate(min_size=-1)),
        ],
    )
    def test_out_of_range(self, name: str, make: Callable[[], Deflate]) -> None:
        with pytest.raises(ValueError, match=name):
            make()

    def test_each_side_has_its_own(self) -> None:
        deflate = Deflate(server_no_context_takeover=True, client_max_window_bits=9)
        first, second = (deflate.compressor(server=True).compress(b"x" * 100, last=True) for _ in range(2))
        server, client = deflate.compressor(server=True), deflate.compressor(server=False)
        # Without context takeover the second message is compressed as the first; with it, shorter.
        assert [server.compress(b"x" * 100, last=True) for _ in range(2)] == [first, second]
        assert len(client.compress(os.urandom(100), last=True)) > 100
        text = os.urandom(200)
        assert len(client.compress(text, last=True)) > len(client.compress(text, last=True))


class TestRoundTrip:
    @pytest.mark.parametrize("bits", range(8, 16))
    @pytest.mark.parametrize("no_context_takeover", [True, False])
    def test_window_bits(self, bits: int, no_context_takeover: bool) -> None:
        # The decompressor's window is as small as agreed: looking back further than that would fail.
        deflate = Deflate(no_context_takeover, no_context_takeover, bits, bits)
        compressor, decompressor = deflate.compressor(server=True), deflate.decompressor(server=False)
        random_source = random.Random(bits)
        words = [random_source.randbytes(random_source.randrange(1, 60)) for _ in range(50)]
        for _ in range(50):
            message = b"".join(random_source.choices(words, k=random_source.randrange(200)))
            payload = compressor.compress(message, last=True)
            assert unpack(decompressor, payload) == message

    def test_pieces(self) -> None:
        compressor, decompressor = Deflate().compressor(server=False), Deflate().decompressor(server=True)
        for pieces in ([b"", b""], [b"a", b"", b"b"], [b"x" * 70_000, os.urandom(70_000)], [b""]):
            last = len(pieces) - 1
            payload = b"".join(compressor.compress(piece, last=i == last) for i, piece in enumerate(pieces))
            received = [unpack(decompressor, payload[i : i + 1], last=False) for i in range(len(payload))]
            received.append(unpack(decompressor, b""))
            assert b"".join(received) == b"".join(pieces)


class TestLimit:
    @pytest.mark.parametrize("size", [0, 1, 999, 1000])
    def test_fits(self, size: int) -> None:
        payload = Deflate().compressor(server=True).compress(bytes(size), last=True)
        assert unpack(Deflate().decompressor(server=False), payload, room=1000) == bytes(size)

    @pytest.mark.parametrize("size", [1001, 1002, 10_000_000])
    def test_too_much(self, size: int) -> None:
        payload = Deflate().compressor(server=True).compress(bytes(size), last=True)
        assert len(unpack(Deflate().decompressor(server=False), payload, room=1000)) == 1001

    @pytest.mark.parametrize("most", [1, 2, 100, 257, 258, 259, 5000])
    @pytest.mark.parametrize("bits", [9, 15])
    def test_no_more_at_once_than_asked_for(self, most: int, bits: int) -> None:
        deflate = Deflate(server_max_window_bits=bits)
        compressor, decompressor = deflate.compressor(server=True), deflate.decompressor(server=False)
        for message in (bytes(3000), os.urandom(700), b"", b"abc" * 900, os.urandom(40) * 50, bytes(3000)):
            piece = compressor.compress(message, last=True)
            received = b""
            while True:
                data, unused = decompressor.decompress(piece, last=True, room=ROOM, most=most)
                received += data
                if not unused:
                    break
                assert len(data) == most
                piece = piece[-unused:]
            assert received == message
            assert len(data) <= most + 2000

    @pytest.mark.parametrize("most", [1, 49, 50, 51, ROOM])
    def test_nothing_of_a_message_is_left_for_the_next(self, most: int) -> None:
        """Where a message ends within a block, zlib has read all of it, and holds back what there was no room for."""
        decompressor = Deflate().decompressor(server=True)
        unpack(decompressor, Deflate(min_size=0).compressor(server=False).compress(bytes(32768), last=True))
        # A block that goes on: the four bytes that are put back are read as codes of it.
        message = unpack(decompressor, bytes.fromhex("22f9"), most=most)
        assert len(message) == 51
        assert message.endswith(b"O\xff")


class TestFinalBlock:
    """RFC 7692 §7.2.3.4: a block marked as the last of the stream."""

    @staticmethod
    def final(data: bytes) -> bytes:
        deflater = zlib.compressobj(wbits=-15)
        return deflater.compress(data) + deflater.flush()

    @pytest.mark.parametrize("padding", [b"", b"\0"])
    @pytest.mark.parametrize("cut", [0, 1, 5])
    def test_next_message_starts_anew(self, padding: bytes, cut: int) -> None:
        decompressor = Deflate().decompressor(server=True)
        for message in (b"first", b"second" * 1000, b"third"):
            payload = self.final(message) + padding
            head = unpack(decompressor, payload[:cut], last=False)
            assert head + unpack(decompressor, payload[cut:]) == message
            head = unpack(decompressor, payload[:cut], last=False, most=10)
            assert head + unpack(decompressor, payload[cut:], most=10) == message

    @pytest.mark.parametrize("tail", [b"\x01", b"\0\0", b"\x03\x00" * 1000])
    def test_data_after_it(self, tail: bytes) -> None:
        payload = self.final(b"x") + tail
        with pytest.raises(InvalidDeflateError):
            unpack(Deflate().decompressor(server=True), payload)


def test_not_deflate() -> None:
    with pytest.raises(InvalidDeflateError):
        unpack(Deflate().decompressor(server=True), b"\xff\xff")


def test_an_error_leaves_nothing_of_the_message() -> None:
    compressor, decompressor = Deflate().compressor(server=True), Deflate().decompressor(server=False)
    first = compressor.compress(b"first", last=True)
    with pytest.raises(BufferError):
        compressor.compress(memoryview(b"lost")[::2], last=True)
    second = compressor.compress(b"second", last=True)
    assert [unpack(decompressor, payload) for payload in (first, second)] == [b"first", b"second"]
