"""Tests of ws_python.messages."""

from __future__ import annotations

import re
from array import array
from collections import UserDict, UserList
from typing import Any

import pytest
from ws_python.declare.checks import check_close, encode_json, explain_send_error
from ws_python.declare.errors import Error

ADVICE = "use dictionaries, arrays, strings, finite numbers, booleans and null only, and keys that differ as text"


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999])
def test_codes_that_may_be_sent(code: int) -> None:
    assert check_close(code, "å" * 61) == Error.OK


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
def test_codes_that_may_not_be_sent(code: int, caplog: pytest.LogCaptureFixture) -> None:
    assert check_close(code, "") == Error.ERR_INVALID_PARAMETER
    assert f"code {code} cannot be sent; use 1000" in caplog.text


@pytest.mark.parametrize("reason", ["å" * 62, "\ud800"])
def test_reasons_that_do_not_fit_a_close_frame(reason: str, caplog: pytest.LogCaptureFixture) -> None:
    assert check_close(1000, reason) == Error.ERR_INVALID_PARAMETER
    assert "the reason" in caplog.text


def test_json_is_compact_and_keeps_unicode() -> None:
    assert encode_json({"a": [1, 2.5, True, None, "å"]}) == '{"a":[1,2.5,true,null,"å"]}'


def test_json_takes_other_kinds_of_containers() -> None:
    assert encode_json(UserDict(a=UserList([1, UserDict()]), b=array("i", [1, 2]))) == '{"a":[1,{}],"b":[1,2]}'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"bytes", "PackedByteArray has no form in JSON"),
        ([bytearray(1)], "PackedByteArray has no form in JSON"),
        (float("nan"), "Out of range float values are not JSON compliant"),
        ({"a": object()}, "object has no form in JSON"),
        ({(1, 2): 3}, "Array cannot be a key in JSON"),
        ({b"a": 3}, "PackedByteArray cannot be a key in JSON"),
        ({float("inf"): 3}, "Out of range float values are not JSON compliant"),
    ],
)
def test_what_json_cannot_hold_is_explained(value: object, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    assert encode_json(value) is None
    assert caplog.messages == [f"send_json: {reason}; {ADVICE}"]


@pytest.mark.parametrize(
    ("value", "key", "kind"),
    [
        ({1: "a", "1": "b"}, "1", "String"),
        ({"1": "a", 1: "b"}, "1", "int"),
        ({1.5: "a", "1.5": "b"}, "1.5", "String"),
        ({"true": "a", True: "b"}, "true", "bool"),
        ({None: "a", "null": "b"}, "null", "String"),
        ([({"deep": {2: "a", "2": "b"}},)], "2", "String"),
        (UserDict({1: "a", "1": "b"}), "1", "String"),
        (UserList([UserDict(a={3: "a", "3": "b"})]), "3", "String"),
        ({"x" * 1000: UserDict({4: "a", "4": "b"})}, "4", "String"),
        ({10**50: "a", str(10**50): "b"}, "1" + "0" * 39 + "...", "String"),
    ],
)
def test_keys_that_are_one_in_json_are_refused(
    value: object, key: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert encode_json(value) is None
    reason = f"two keys of a dictionary are the same in JSON, the second is a {kind}"
    assert caplog.messages == [f"send_json: {reason}; {ADVICE}"]


def test_keys_that_differ_in_json_are_sent() -> None:
    assert encode_json({1: "a", 2.0: "b", False: "c", None: "d", "e": {"e": UserDict({1: 0})}}) == (
        '{"1":"a","2.0":"b","false":"c","null":"d","e":{"e":{"1":0}}}'
    )


@pytest.mark.parametrize("kind", [list, UserList])
def test_endless_json_is_explained(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    endless = kind()
    endless.append(endless)
    assert encode_json(endless) is None
    assert len(caplog.messages) == 1
    assert ADVICE in caplog.text


def test_a_wrong_type_is_named_with_what_to_do_instead(caplog: pytest.LogCaptureFixture) -> None:
    explain_send_error(Error.ERR_INVALID_PARAMETER, "send", {"a": 1}, None)
    assert "send: Dictionary is neither text nor binary; use send_json()" in caplog.text


@pytest.mark.parametrize("value", [None, True, 1, 1.5, {}, [], (), object()])
def test_no_message_speaks_python(value: object, caplog: pytest.LogCaptureFixture) -> None:
    explain_send_error(Error.ERR_INVALID_PARAMETER, "send", value, None)
    assert not re.search(r"NoneType|\b(str|bytes|dict|list|tuple|None)\b", caplog.text)
