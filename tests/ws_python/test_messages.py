"""Tests of ws_python.messages."""

from __future__ import annotations

from array import array
from collections import UserDict, UserList

import pytest
from ws_python.errors import Error
from ws_python.messages import check_close, encode_json, explain_send_error


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


@pytest.mark.parametrize("value", [b"bytes", [bytearray(1)], float("nan"), {"a": object()}])
def test_what_json_cannot_hold_is_explained(value: object, caplog: pytest.LogCaptureFixture) -> None:
    assert encode_json(value) is None
    assert "send_json:" in caplog.text


def test_endless_json_is_explained(caplog: pytest.LogCaptureFixture) -> None:
    endless: list[object] = []
    endless.append(endless)
    assert encode_json(endless) is None
    assert "send_json:" in caplog.text


def test_a_wrong_type_is_named_with_what_to_do_instead(caplog: pytest.LogCaptureFixture) -> None:
    explain_send_error(Error.ERR_INVALID_PARAMETER, "send", {"a": 1})
    assert "send: dict is neither text nor binary; use send_json()" in caplog.text
