"""Tests of ws_python.protocol.handshake_settings."""

from __future__ import annotations

import pytest
from ws_python.protocol.handshake_settings import parse_headers, parse_subprotocols


@pytest.mark.parametrize("line", ["no colon", "a b: c", ": c", "A: b\r\nC: d", "A: ☃"])
def test_a_bad_header_line_raises(line: str) -> None:
    with pytest.raises(ValueError, match="is not a header"):
        parse_headers([line])


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: a\nsecret",
        "Authorization : secret\0",
        "Bearer secret",
        "secret",
        "Bearer secret: x",
        "\x1b[31m\n: x",
    ],
)
def test_a_bad_header_line_is_told_without_its_value(line: str) -> None:
    with pytest.raises(ValueError, match="is not a header") as caught:
        parse_headers([line])
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("line", ["Sec-WebSocket-Key: x", "upgrade: h2c", "Connection: close"])
def test_the_handshakes_own_headers_are_not_for_the_user(line: str) -> None:
    with pytest.raises(ValueError, match="belongs to the opening handshake"):
        parse_headers([line])


@pytest.mark.parametrize("names", [[""], ["a b"], ["a", "a"], ["\n"]])
def test_bad_subprotocol_names_raise(names: list[str]) -> None:
    with pytest.raises(ValueError, match="subprotocol"):
        parse_subprotocols(names)


@pytest.mark.parametrize("names", [["secret=="], ["bearer", "secret", "secret"]])
def test_a_subprotocol_may_be_a_token_and_is_not_told(names: list[str]) -> None:
    with pytest.raises(ValueError, match=f"^number {len(names)} of supported_protocols") as caught:
        parse_subprotocols(names)
    assert "secret" not in str(caught.value)
