"""Per-message compression (permessage-deflate, RFC 7692) of one connection: parameters, compressor, decompressor.

Bytes in, bytes out: frames are the codec's business, negotiation the opening handshake's.
"""

import zlib
from dataclasses import dataclass

MAX_WINDOW_BITS = 15
# What a sync flush ends with. Left out on the wire (RFC 7692 §7.2.1), put back before inflating (§7.2.2).
_SYNC_TAIL = b"\x00\x00\xff\xff"
# An empty message: the head of an empty block whose rest is the tail above (RFC 7692 §7.2.3.6).
_EMPTY_MESSAGE = b"\x00"


class InvalidDeflateError(ValueError):
    """What arrived is not a DEFLATE stream."""


@dataclass(frozen=True, slots=True)
class Deflate:
    """The parameters that both sides agreed on, and how eagerly this side compresses.

    The first four are RFC 7692 §7.1's: "no context takeover" forgets the window after each message (less memory, less
    compression); the window is 2**bits bytes, 8..15.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = MAX_WINDOW_BITS
    client_max_window_bits: int = MAX_WINDOW_BITS
    #: Bytes; a shorter message is sent uncompressed (RFC 7692 §6 leaves that to the sender).
    min_size: int = 1024
    #: Whether binary messages are sent compressed, too.
    binary: bool = True
    #: zlib's 0 (none) .. 9 (smallest), -1 for its default (6), which takes twice the time of 1 to save a sixth more.
    level: int = 1
    #: zlib's 1 (least) .. 9 (fastest).
    memory_level: int = 5

    def __post_init__(self) -> None:
        for name, low, high in (
            ("server_max_window_bits", 8, MAX_WINDOW_BITS),
            ("client_max_window_bits", 8, MAX_WINDOW_BITS),
            ("level", -1, 9),
            ("memory_level", 1, 9),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be {low}..{high}, not {value}")
        if self.min_size < 0:
            raise ValueError(f"min_size must not be negative, not {self.min_size}")

    def compressor(self, *, server: bool) -> "Compressor":
        """What this side (a server, or a client) compresses its messages with."""
        if server:
            return Compressor(self, self.server_max_window_bits, self.server_no_context_takeover)
        return Compressor(self, self.client_max_window_bits, self.client_no_context_takeover)

    def decompressor(self, *, server: bool) -> "Decompressor":
        """What this side (a server, or a client) decompresses the other side's messages with."""
        if server:
            return Decompressor(self.client_max_window_bits, self.client_no_context_takeover)
        return Decompressor(self.server_max_window_bits, self.server_no_context_takeover)


class Compressor:
    """Compresses the messages of one direction, piece by piece. zlib's memory is taken at first use."""

    __slots__ = ("_deflater", "_no_context_takeover", "_parameters", "window_bits")

    def __init__(self, parameters: Deflate, window_bits: int, no_context_takeover: bool) -> None:
        self._parameters = parameters
        # zlib refuses a raw stream with a window of 2**8. With 2**9 it looks back 2**9 - 262 bytes at most (MAX_DIST
        # in its deflate.h), which an inflater with a window of 2**8 can follow.
        self.window_bits = max(window_bits, 9)
        self._no_context_takeover = no_context_takeover
        self._deflater: zlib._Compress | None = None

    def compress(self, piece: bytes | bytearray | memoryview, *, last: bool) -> bytes:
        """Return the payload of the frame that carries this piece of a message."""
        deflater, self._deflater = self._deflater, None  # After an error it would keep half of the message.
        if deflater is None:
            deflater = zlib.compressobj(
                self._parameters.level, zlib.DEFLATED, -self.window_bits, self._parameters.memory_level
            )
        payload = deflater.compress(piece) + deflater.flush(zlib.Z_SYNC_FLUSH)
        if not (last and self._no_context_takeover):
            self._deflater = deflater
        if not last:
            return payload
        # zlib writes nothing at all for a flush with nothing new after a flush.
        return payload[: -len(_SYNC_TAIL)] or _EMPTY_MESSAGE

    def forget(self) -> None:
        """Let the next message refer to none before it. To be called between messages only."""
        self._deflater = None


class Decompressor:
    """Decompresses the messages of one direction, piece by piece. zlib's memory is taken at first use."""

    __slots__ = ("_inflater", "_no_context_takeover", "window_bits")

    def __init__(self, window_bits: int, no_context_takeover: bool) -> None:
        self.window_bits = window_bits
        self._no_context_takeover = no_context_takeover
        self._inflater: zlib._Decompress | None = None

    def decompress(self, piece: bytes, *, last: bool, room: int, most: int) -> tuple[bytes, int]:
        """Return what this piece of a message unpacks to, and how many bytes of it are to be given again with the next.

        These are left over where it unpacks to more than `most` bytes. The message has ended if it was the `last` piece
        and none is left over. One byte more than `room` is returned if it does not fit, and never more than that.
        After too long an answer or an error the stream is lost: close the connection.

        Raises:
            InvalidDeflateError: it is not a DEFLATE stream.
        """
        if self._inflater is None:
            self._inflater = zlib.decompressobj(-self.window_bits)
        inflater = self._inflater
        try:
            limit = min(room + 1, most)
            data = inflater.decompress(piece + _SYNC_TAIL if last else piece, limit)
            # At the end of a stream what it did not use is in unused_data, too.
            unused = 0 if inflater.eof else len(inflater.unconsumed_tail)
            if last:
                unused = max(unused - len(_SYNC_TAIL), 0)
                if not unused and len(data) == limit <= room and not inflater.eof:
                    # zlib still has what the last few bits stand for: 258 bytes for each two of them at most.
                    data += inflater.decompress(inflater.unconsumed_tail, room + 1 - len(data))
        except zlib.error as error:
            raise InvalidDeflateError(str(error)) from error
        if inflater.eof:
            self._check_padding(inflater.unused_data)
        if last and not unused and (self._no_context_takeover or inflater.eof):
            self._inflater = None
        return data, unused

    @staticmethod
    def _check_padding(data: bytes) -> None:
        # A sender may end a message with a block marked as the stream's last (RFC 7692 §7.2.3.4). Nothing can follow
        # it but the padding of that section; going on after it would cost a new inflater for each two bytes received.
        if not (_EMPTY_MESSAGE + _SYNC_TAIL).startswith(data) and not _SYNC_TAIL.startswith(data):
            raise InvalidDeflateError("data after the final block")
