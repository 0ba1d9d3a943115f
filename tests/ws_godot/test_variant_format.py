"""Tests of ws_godot.variant_format: it takes what the engine writes, and nothing that the engine would complain about.

The module is loaded by its path: ws_godot itself needs the engine. What the engine writes of each type is seen in
tests/godot/test_requests.gd.
"""

from __future__ import annotations

import importlib.util
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "python/ws_godot/variant_format.py"
_spec = importlib.util.spec_from_file_location("variant_format", PATH)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
check_variant: Callable[[bytes], None] = _module.check_variant

NIL = struct.pack("<I", 0)
INT = struct.pack("<Ii", 2, 5)
TEXT = struct.pack("<II", 4, 3) + b"abc\0"


def array(*items: bytes, header: int = 28, typed: bytes = b"") -> bytes:
    return struct.pack("<I", header) + typed + struct.pack("<I", len(items)) + b"".join(items)


GOOD = [
    NIL,
    INT,
    TEXT,
    struct.pack("<Iq", 2 | 1 << 16, 5),
    struct.pack("<Id", 3 | 1 << 16, 5.0),
    struct.pack("<I2f", 5, 1, 2),
    struct.pack("<I2d", 5 | 1 << 16, 1, 2),
    struct.pack("<I4f", 20, 1, 2, 3, 4),
    array(),
    array(INT, TEXT, array(NIL)),
    array(INT, INT, header=28 | 1 << 16, typed=struct.pack("<I", 2)),
    struct.pack("<II", 27, 1) + TEXT + INT,
    struct.pack("<II", 29, 3) + b"abc\0",
    struct.pack("<II", 31, 2) + bytes(16),
    struct.pack("<II", 34, 1) + TEXT[4:],
    struct.pack("<II", 35, 1) + bytes(8),
    struct.pack("<IIII", 22, 1 | 1 << 31, 1, 0) + TEXT[4:] + TEXT[4:],
]


@pytest.mark.parametrize("data", GOOD)
def test_values(data: bytes) -> None:
    check_variant(data)
    for end in range(len(data)):
        with pytest.raises(ValueError, match="too early"):
            check_variant(data[:end])
    with pytest.raises(ValueError, match="behind it"):
        check_variant(data + b"\0")


@pytest.mark.parametrize(
    "data",
    [
        *[struct.pack("<I", kind) + bytes(64) for kind in (23, 24, 25, 26, 39, 255)],
        struct.pack("<IQ", 24 | 1 << 16, 5),
        array(struct.pack("<IQ", 24 | 1 << 16, 5)),
        array(header=28 | 2 << 16, typed=TEXT[4:]),
        array(header=28 | 1 << 16, typed=struct.pack("<I", 24)),
        array(header=28 | 1 << 16, typed=struct.pack("<I", 39)),
        array(TEXT, header=28 | 1 << 16, typed=struct.pack("<I", 2)),
        struct.pack("<II", 4, 2) + b"\xff\xfe\0\0",
        struct.pack("<III", 22, 5, 0) + bytes(8),
        struct.pack("<II", 28, 0x7FFFFFFF),
        struct.pack("<II", 34, 0xFFFFFFFF),
        struct.pack("<II", 29, 0xFFFFFFFF),
        struct.pack("<II", 28, 1) * 1000 + NIL,
    ],
)
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        check_variant(data)
    assert "\n" not in str(error.value)


def test_noise() -> None:
    chance = random.Random(1)
    for _ in range(3000):
        data = bytearray(chance.choice(GOOD))
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            check_variant(bytes(data))
        except ValueError as error:
            assert "\n" not in str(error)
