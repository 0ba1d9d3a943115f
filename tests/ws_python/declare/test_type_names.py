"""Tests of ws_python.type_names."""

from __future__ import annotations

from enum import IntEnum

import pytest
from ws_python.declare.type_names import type_name


class Choice(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "bool"),
        (1, "int"),
        (1.5, "float"),
        ("a", "String"),
        (b"a", "PackedByteArray"),
        (bytearray(1), "PackedByteArray"),
        (memoryview(b"a"), "PackedByteArray"),
        ([], "Array"),
        ((), "Array"),
        ({}, "Dictionary"),
        (Choice.ONE, "Choice"),
        (object(), "object"),
    ],
)
def test_types_have_the_names_that_gdscript_knows(value: object, name: str) -> None:
    assert type_name(type(value)) == name
