"""Tests of ws_python.features.payloads."""

from __future__ import annotations

from typing import Any

import pytest
from ws_python.features.payloads import Payloads


@pytest.mark.parametrize("value", [None, True, 0, -(2**63), 2**63 - 1, 0.5, "", "ä😀\0", [], [[]], {}, {"": [None]}])
def test_there_and_back(value: object) -> None:
    packed = Payloads().encode(value, as_text=True)
    assert isinstance(packed, str)
    assert Payloads().decode(packed) == value
    assert Payloads().encode(value, as_text=False) == packed, "plain Python has nothing else"


@pytest.mark.parametrize("value", [b"\0\xff", bytearray(b"x"), memoryview(b"y")])
def test_bytes_as_they_are(value: bytes) -> None:
    for as_text in (True, False):
        packed = Payloads().encode(value, as_text=as_text)
        assert packed == bytes(value)
        assert Payloads().decode(packed) == bytes(value)


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), {(): 1}, {1: 1, "1": 2}, "\ud800", ["\udfff"]])
def test_what_has_no_form(value: object) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        Payloads().encode(value, as_text=True)
    assert "\n" not in str(error.value)


def test_what_holds_itself() -> None:
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(ValueError, match="holds itself"):
        Payloads().encode(itself, as_text=True)


@pytest.mark.parametrize(
    "text", ["{", "nothing", "NaN", "Infinity", '"\\ud800"', '["\\udc00\\ud800"]', "[" * 100_000, "1 2"]
)
def test_what_a_stranger_sends(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        Payloads().decode(text)
    assert "\n" not in str(error.value)


def test_numbers_that_no_host_has() -> None:
    decode = Payloads().decode
    assert (decode(""), decode("9223372036854775807"), decode("-9223372036854775808")) == (None, 2**63 - 1, -(2**63))
    assert decode("9223372036854775808") == 2.0**63
    assert isinstance(decode("9223372036854775808"), float)
    assert decode("1" * 5000) == float("inf")
    assert decode('"\\ud83d\\ude00"') == "😀"
