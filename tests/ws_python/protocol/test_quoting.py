"""Tests of ws_python.protocol.quoting."""

from __future__ import annotations

import pytest
from ws_python.protocol.quoting import MAX_REASON, one_line, reason


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, and é日本", "plain, and é日本"),
        ("a\r\nb\tc\u2028d", "a  b c d"),
        ("\x1b[31mred\x00\x07\x9b", "�[31mred���"),
        ("\u202eabc\u2066\ufeff\u200f", "�abc���"),
        ("\udc80\U000e0001", "��"),
        (b"caf\xc3\xa9 \xff", "café �"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        (b"x" * 100_000, "x" * 199 + "…"),
        ("é".encode() * 300, "é" * 199 + "…"),
        ("😀".encode() * 300, "😀" * 199 + "…"),
    ],
)
def test_one_printable_line(text: str | bytes, shown: str) -> None:
    assert one_line(text) == shown
    assert one_line(text).isprintable()
    one_line(text).encode()


def test_a_reason_gives_the_detail_what_room_there_is() -> None:
    assert reason("a (", "b\n", "); c") == "a (b ); c"
    long = reason("a (", "b" * 500, "); c")
    assert len(long) == MAX_REASON
    assert long.endswith("b…); c")
    assert len(reason("a" * 300, "b" * 300, "c" * 300)) == MAX_REASON
