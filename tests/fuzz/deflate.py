"""Fuzz target: compressed messages, of the compressor's making and of any bytes; context takeover; bombs.

What holds, whatever comes: nothing but InvalidDeflateError is raised. What is returned is bounded, however much it
would unpack to. How it is cut changes nothing, and zlib alone unpacks the same.
"""

from __future__ import annotations

import zlib

from ws_python.protocol.codec import Closed, Codec
from ws_python.protocol.deflate import MAX_WINDOW_BITS, Decompressor, Deflate, InvalidDeflateError

from tests.fuzz.given import Given, pieces
from tests.fuzz.wire import encoded

TAIL = b"\x00\x00\xff\xff"
TOO_FAR = "invalid distance too far back"
MOSTS = (1, 7, 500, 64 * 1024)
ROOMS = (0, 1, 100, 5000, 200_000, 1 << 24)
# Beside the payload of a message: an event's overhead, zlib's state and its window.
OVERHEAD = 64 + 8 * 1024 + (1 << 15)


def unpack(decompressor: Decompressor, cut: list[bytes], room: int, most: int) -> bytes | str:
    """What a message, given in pieces, unpacks to: one byte more than `room` if it is too much; or what is wrong."""
    result = b""
    for index, piece in enumerate(cut):
        last = index == len(cut) - 1
        unused = len(piece)
        first = True
        while first or unused:
            first = False
            left = room - len(result)
            given = piece[len(piece) - unused :]
            try:
                data, unused = decompressor.decompress(given, last=last, room=left, most=most)
            except InvalidDeflateError as error:
                assert str(error).isprintable()
                return str(error)
            assert 0 <= unused <= len(given)
            assert len(data) <= left + 1
            # Beyond `most` there is only what the last few bits stand for: a match for each two of those of TAIL.
            assert len(data) <= most + 16 * 258
            assert data or unused < len(given) or not given  # It comes to an end.
            result += data
            if len(result) > room:
                return result
    return result


def reference(messages: list[bytes], bits: int, room: int, *, takeover: bool) -> list[bytes | None]:
    """What zlib makes of the messages; None, and no more, from the first on that is wrong."""
    results: list[bytes | None] = []
    inflater = None
    for message in messages:
        if inflater is None or inflater.eof or not takeover:
            inflater = zlib.decompressobj(-bits)
        try:
            results.append(inflater.decompress(message + TAIL, room + 1))
        except zlib.error:
            return [*results, None]
        unused = inflater.unused_data
        if inflater.eof and not (b"\0" + TAIL).startswith(unused) and not TAIL.startswith(unused):
            return [*results[:-1], None]
        if len(results[-1] or b"") > room:
            break
    return results


def run(data: bytes) -> None:
    """A few compressed messages, through the decompressor alone, or as frames through the codec."""
    given = Given(data)
    setup = given.byte()
    bits = 8 + given.below(8)
    takeover = setup & 1 == 0
    deflate = Deflate(
        not takeover, not takeover, bits, bits, min_size=0, level=given.below(10), memory_level=1 + given.below(9)
    )
    room, most = ROOMS[given.below(len(ROOMS))], MOSTS[given.below(len(MOSTS))]
    if most < 500:
        room = min(room, 100 * most)  # By so little at a time, more takes long.
    sizes = given.sizes() if setup & 2 else [1 << 30]
    compressor = deflate.compressor(server=True)
    messages: list[bytes] = []
    plain: list[bytes | None] = []
    while given and len(messages) < 20:
        how = given.byte()
        if how < 100:
            text = given.payload(70_000)
            plain.append(text)
            messages.append(compressor.compress(text, last=True))
        elif how < 120:
            # In two fragments, of which none may be lost.
            first, second = given.payload(70_000), given.payload(70_000)
            plain.append(first + second)
            messages.append(compressor.compress(first, last=False) + compressor.compress(second, last=True))
        else:
            # Another's stream, or none at all; what follows may refer to it in vain.
            plain.append(None)
            messages.append(given.block())
    if setup & 4:
        through_the_codec(deflate, messages, sizes, room)
        return
    decompressor = deflate.decompressor(server=False)
    expected = reference(messages, bits, room, takeover=takeover)
    for index, message in enumerate(messages):
        got = unpack(decompressor, pieces(message, sizes) or [b""], room, most)
        if isinstance(got, str):
            assert None in plain[: index + 1]
            # Beyond a smaller window zlib follows a distance as long as it goes on in one piece.
            assert expected[index] is None or (bits < MAX_WINDOW_BITS and got.endswith(TOO_FAR))
            return
        # Of more than fits one byte is enough to tell.
        assert got == expected[index] or len(got) > room
        if None not in plain[: index + 1]:
            assert got == (plain[index] or b"")[: room + 1]
        if len(got) > room:
            return


def through_the_codec(deflate: Deflate, messages: list[bytes], sizes: list[int], room: int) -> None:
    codec = Codec(server=False, deflate=deflate, max_message_size=room)
    expected = reference(
        messages, deflate.server_max_window_bits, room, takeover=not deflate.server_no_context_takeover
    )
    events = []
    for message in messages:
        frame = encoded(0xC2, message, 0, Given(b""), masked=False)
        for piece in pieces(frame, sizes):
            codec.receive_data(piece)
            assert codec.unfinished <= codec.held + room + OVERHEAD
        while codec.held:
            codec.resume()
            assert codec.unfinished <= codec.held + room + OVERHEAD
        events += codec.events_received()
    told = [event for event in events if not isinstance(event, Closed)]
    good = [message for message in expected if message is not None and len(message) <= room]
    assert told == good[: len(told)]
    if codec.close_code == -1:
        assert told == expected
    else:
        assert codec.close_code in (1002, 1009)
        assert codec.held == codec.unfinished == 0
