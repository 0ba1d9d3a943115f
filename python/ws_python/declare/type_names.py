"""The name of a type in messages to the user: GDScript's, which Python programmers understand, too."""

from __future__ import annotations

_NAMES: dict[type, str] = {
    type(None): "null",
    str: "String",
    bytes: "PackedByteArray",
    bytearray: "PackedByteArray",
    memoryview: "PackedByteArray",
    list: "Array",
    tuple: "Array",
    dict: "Dictionary",
}


def type_name(cls: type) -> str:
    """What to call a type; one that GDScript has no name for, such as a class of the user's, by its own."""
    return _NAMES.get(cls, cls.__name__)
