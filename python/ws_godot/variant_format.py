"""The engine's binary format of a Variant (marshalls.cpp), read through: whether bytes are one, of values only.

The engine itself logs an error for each thing that is wrong with what it decodes, and a stranger can send much of that.
It writes what no other process can have, such as an Object, as its number, and says nothing.
"""

from __future__ import annotations

import struct

_MOST_NESTED = 64
_FLAG_64 = 1 << 16

# Variant.Type
_STRING = 4
_STRING_NAME, _NODE_PATH = 21, 22
_DICTIONARY, _ARRAY, _STRINGS = 27, 28, 34
_UNSENDABLE = {23: "RID", 24: "Object", 25: "Callable", 26: "Signal"}
_TYPES = 39
# How many numbers of 4 bytes, or of 8 where it says so, a value has, and an item of a packed array.
_REALS = {2: 1, 3: 1, 5: 2, 7: 4, 9: 3, 11: 6, 12: 4, 14: 4, 15: 4, 16: 6, 17: 9, 18: 12, 19: 16}
_FIXED = {0: 0, 1: 4, 6: 8, 8: 16, 10: 12, 13: 16, 20: 16}
_ITEMS = {29: 1, 30: 4, 31: 8, 32: 4, 33: 8, 37: 16}
_REAL_ITEMS = {35: 2, 36: 3, 38: 4}
_ANY = -1
_BUILTIN = 1  # Of what a typed container holds: 0 anything, 2 and 3 objects.

_unsigned = struct.Struct("<I").unpack_from


def check_variant(data: bytes) -> None:
    """Raises ValueError, with one line that says why, unless `data` is one whole value that others can have."""
    try:
        end, _ = _skip(data, 0, 0)
    except struct.error:
        raise ValueError("it ends too early") from None
    except UnicodeDecodeError:
        raise ValueError("it holds text that is not valid UTF-8") from None
    if end != len(data):
        raise ValueError("it ends too early" if end > len(data) else "there is something behind it")


def _skip(data: bytes, at: int, depth: int) -> tuple[int, int]:
    """Where the value that begins there ends, and its type."""
    (header,) = _unsigned(data, at)
    at += 4
    kind = header & 0xFF
    width = 8 if header & _FLAG_64 else 4
    if kind in _REALS:
        return at + _REALS[kind] * width, kind
    if kind in _FIXED:
        return at + _FIXED[kind], kind
    if kind in (_STRING, _STRING_NAME):
        return _skip_text(data, at), kind
    if kind in (_ARRAY, _DICTIONARY):
        if depth == _MOST_NESTED:
            raise ValueError(f"it is nested deeper than {_MOST_NESTED}")
        return _skip_container(data, at, header, depth), kind
    if kind in _ITEMS or kind in _REAL_ITEMS:
        (count,) = _unsigned(data, at)
        size = count * (_ITEMS[kind] if kind in _ITEMS else _REAL_ITEMS[kind] * width)
        return at + 4 + size + -size % 4, kind
    if kind == _STRINGS:
        (count,) = _unsigned(data, at)
        at += 4
        for _ in range(count):
            at = _skip_text(data, at)
        return at, kind
    if kind == _NODE_PATH:
        return _skip_path(data, at), kind
    raise ValueError(f"{_UNSENDABLE.get(kind, 'what it holds')} cannot be sent, only values")


def _skip_text(data: bytes, at: int) -> int:
    size: int = _unsigned(data, at)[0]
    text = data[at + 4 : at + 4 + size]
    if len(text) != size:
        raise ValueError("it ends too early")
    text.decode()
    return at + 4 + size + -size % 4


def _skip_path(data: bytes, at: int) -> int:
    count, more, flags = struct.unpack_from("<III", data, at)
    if not count & 0x80000000:
        raise ValueError("it holds a NodePath of an engine that is too old")
    at += 12
    for _ in range((count & 0x7FFFFFFF) + more + bool(flags & 2)):
        at = _skip_text(data, at)
    return at


def _skip_container(data: bytes, at: int, header: int, depth: int) -> int:
    kinds = [header >> 16 & 3] if header & 0xFF == _ARRAY else [header >> 16 & 3, header >> 18 & 3]
    types: list[int] = []
    for kind in kinds:
        if kind > _BUILTIN:
            raise ValueError("a container of objects cannot be sent, only values")
        types.append(_ANY)
        if kind == _BUILTIN:
            (types[-1],) = _unsigned(data, at)
            at += 4
            if types[-1] in _UNSENDABLE or types[-1] >= _TYPES:
                raise ValueError("a container of what cannot be sent")
    (count,) = _unsigned(data, at)
    at += 4
    for _ in range(count & 0x7FFFFFFF):
        for wanted in types:
            at, kind = _skip(data, at, depth + 1)
            if wanted not in (_ANY, kind):
                raise ValueError("a typed container holds another type")
    return at
