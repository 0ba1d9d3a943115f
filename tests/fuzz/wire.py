"""Frames as an input of the fuzzer describes them: most are well-formed, any can be wrong."""

from __future__ import annotations

from tests.fuzz.given import MOST_PAYLOAD, Given

# Opcodes, in the order of how often they matter, FIN set or not; reserved bits and opcodes.
FIRST_BYTES = (0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A, 0x88, 0xC1, 0xC2, 0x41, 0x42, 0x09, 0xA1, 0x83)
# Lengths that a header may claim.
CLAIMS = (0, 125, 126, 127, 65535, 65536, 1 << 20, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
KEYS = (b"\0\0\0\0", b"\x11\x22\x33\x44", b"\xff\x00\x80\x7f")


def frame(given: Given, *, masked: bool, most: int = MOST_PAYLOAD) -> bytes:
    """The next frame: kind, payload, and what is wrong with it."""
    kind = given.byte()
    first = FIRST_BYTES[kind % 16] if kind < 240 else given.byte()
    return encoded(first, given.payload(most), given.byte(), given, masked=masked)


def encoded(first: int, payload: bytes, oddity: int, given: Given, *, masked: bool) -> bytes:
    """A frame with this payload; `oddity` says what is wrong with it, for numbers below 240 nothing."""
    size = len(payload)
    width = 0 if size < 126 else 2 if size < 1 << 16 else 8
    if oddity >= 252:
        masked = not masked
    elif oddity >= 248:
        width = 8 if oddity & 1 else 2
    elif oddity >= 240:
        size = CLAIMS[given.below(len(CLAIMS))]
        width = 0 if size < 126 else 2 if size < 1 << 16 else 8
    length = {0: size, 2: 126, 8: 127}[width]
    head = bytes([first, masked << 7 | length]) + (size % (1 << 8 * width)).to_bytes(width, "big")
    if not masked:
        return head + payload
    key = KEYS[oddity % len(KEYS)]
    return head + key + xored(payload, key)


def xored(payload: bytes, key: bytes) -> bytes:
    """The payload masked, or unmasked."""
    size = len(payload)
    whole = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(whole, "little")).to_bytes(size, "little")
