"""Tests of ws_python.features.tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest
from ws_python import WebSocketServer
from ws_python.features import tokens

sign, verify = WebSocketServer.sign_token, WebSocketServer.verify_token
SECRET = "0123456789abcdef0123456789abcdef"

# RFC 7515 appendix A.1: key, token, and when it expires.
RFC_KEY = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
RFC_TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
RFC_EXPIRES = 1300819380


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def made(header: object, payload: object, secret: str = SECRET) -> str:
    """A token that is signed properly, whatever it says."""
    signed = ".".join(
        encoded(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, payload)
    )
    return f"{signed}.{encoded(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


HEADER = {"alg": "HS256", "typ": "JWT"}
SOON = 4_000_000_000


def test_what_was_signed_is_known_again() -> None:
    claims = {"sub": "Zoë", "level": 7, "share": 0.5, "of": [1, {"a": None}], "in": True}
    before = time.time()
    token = sign(SECRET, claims, 60)
    read = verify(SECRET, token)
    assert before + 60 <= read.pop("exp") <= time.time() + 61  # type: ignore[operator]
    assert read == claims
    header, payload, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    assert token == made(header, payload)


def test_the_example_of_the_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    key = base64.urlsafe_b64decode(RFC_KEY + "==")
    signature = tokens._signature
    monkeypatch.setattr(tokens, "_signature", lambda secret, signed: hmac.digest(key, signed.encode(), hashlib.sha256))
    assert signature("k", "x") == hmac.digest(b"k", b"x", hashlib.sha256)
    monkeypatch.setattr(tokens.time, "time", lambda: RFC_EXPIRES - 0.5)  # type: ignore[attr-defined]
    assert verify(SECRET, RFC_TOKEN) == {"iss": "joe", "exp": RFC_EXPIRES, "http://example.com/is_root": True}
    monkeypatch.setattr(tokens.time, "time", lambda: float(RFC_EXPIRES))  # type: ignore[attr-defined]
    assert verify(SECRET, RFC_TOKEN) == {}


def test_it_expires() -> None:
    token = sign(SECRET, {}, 0.001)
    assert verify(SECRET, token) != {}, "it counts in whole seconds, rounded up"
    end = time.monotonic() + 10
    while verify(SECRET, token):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "..", "...", "a.b.c", "é.é.é", "\ud800.a.b", "a" * 100_000, "." * 100_000,
        made(HEADER, {"exp": SOON}, "another secret"),
        made({"alg": "none"}, {"exp": SOON}),
        made({"alg": "HS512"}, {"exp": SOON}),
        made({}, {"exp": SOON}),
        made([], {"exp": SOON}),
        made(HEADER, {}),
        made(HEADER, {"exp": 1}),
        made(HEADER, {"exp": None}),
        made(HEADER, {"exp": "soon"}),
        made(HEADER, {"exp": SOON, "nbf": SOON}),
        made(HEADER, {"exp": float("nan")}),
        made(HEADER, [SOON]),
        made(HEADER, b"no json"),
        made(HEADER, b"[" * 8000),
        made(b"\xff", {"exp": SOON}),
        made(HEADER, {"exp": SOON}) + "=",
        made(HEADER, {"exp": SOON}).rpartition(".")[0] + ".",
        made(HEADER, {"exp": SOON}) + ".",
        made(HEADER, {"exp": SOON})[:-1],
    ],
)  # fmt: skip
def test_what_is_not_valid(token: str) -> None:
    assert verify(SECRET, token) == {}


def test_that_would_be_valid() -> None:
    assert verify(SECRET, made(HEADER, {"exp": SOON, "nbf": 5})) == {"exp": SOON, "nbf": 5}


def test_every_changed_character_is_noticed() -> None:
    token = sign(SECRET, {"sub": "ada"}, 60)
    for at in range(len(token)):
        other = "A" if token[at] != "A" else "B"
        assert verify(SECRET, token[:at] + other + token[at + 1 :]) == {}


def test_an_empty_secret_signs_and_knows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert sign("", {}, 60) == ""
    assert "the secret is empty" in caplog.text
    assert verify("", made(HEADER, {"exp": SOON}, "")) == {}


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_how_long(seconds: float, caplog: pytest.LogCaptureFixture) -> None:
    assert sign(SECRET, {}, seconds) == ""
    assert "seconds must be positive" in caplog.text


@pytest.mark.parametrize("claims", [{"a": object()}, {"a": float("nan")}, {"a": "\ud800"}])
def test_claims_that_cannot_be_signed(claims: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    assert sign(SECRET, claims, 60) == ""
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith("sign_token: ")
