"""Why an opening handshake failed: one line of at most 200 printable characters that says what to do."""

from __future__ import annotations

import re
from http import HTTPStatus

from websockets.exceptions import InvalidUpgrade, NegotiationError

from .http_head import HeadError
from .quoting import one_line, reason
from .urls import redacted

TLS_REQUEST = "it speaks TLS, which this port does not; use a ws:// URL, not wss://"
TLS_ANSWER = "the server speaks TLS on this port; use a wss:// URL, not ws://"

# Answers after which trying again later makes sense, beside every 5xx one.
_TRY_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_PROXY = "if a proxy is in between, have it speak HTTP/1.1 and pass on Upgrade and Connection, or use wss:// through it"
_REMEDIES = {
    HTTPStatus.UNAUTHORIZED: "give credentials in the URL or in handshake_headers (Authorization)",
    HTTPStatus.FORBIDDEN: "check credentials and Origin in handshake_headers",
    HTTPStatus.NOT_FOUND: "check the path of the URL",
    HTTPStatus.UPGRADE_REQUIRED: _PROXY,
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: _PROXY,
}
# How `websockets` ends some texts: with the whole header, which may be long, and hold a secret.
_WHERE = re.compile(r" at \d+ in .*", re.DOTALL)
# The most that is repeated of a reason phrase, and of where a redirection leads to.
_LONGEST_PHRASE = 40
_LONGEST_LOCATION = 100


def phrase_of(status: int) -> str:
    """The reason phrase of an HTTP status that refuses a request: also of one that no RFC has."""
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Refused"


def describe(error: Exception) -> str:
    """What an exception of `websockets` says, as one line for the other side."""
    return one_line(_WHERE.sub("", str(error)), 100)


def explain_malformed_request(error: HeadError) -> str:
    """Why a request was not understood, for the user of the server."""
    why = str(error)
    if error.status is HTTPStatus.HTTP_VERSION_NOT_SUPPORTED:
        return reason("it speaks ", why, ", not HTTP/1.1; if a proxy is in between, set that there (nginx: "
                      "proxy_http_version 1.1, and pass on Upgrade and Connection)")  # fmt: skip
    if error.status is HTTPStatus.METHOD_NOT_ALLOWED:
        return reason("its request is no proper opening handshake (unsupported HTTP method: ", why, "); use GET")
    if error.status is not HTTPStatus.BAD_REQUEST:
        return reason("its request is too long (", why, "); shorten the URL or the headers")
    return reason("its request is no proper HTTP (", why, "); the fault is the client's, or a proxy's in between")


def explain_refused_request(error: Exception) -> str:
    """Why a request that was understood is no opening handshake that we accept, for the user of the server."""
    why = describe(error)
    if isinstance(error, InvalidUpgrade):
        return reason("it asked for a page, not for a WebSocket (", why, "); use a WebSocket client and a ws:// URL")
    if isinstance(error, NegotiationError):
        return reason("no common subprotocol (", why, "); have it offer one of supported_protocols")
    return reason(
        "its request is no proper opening handshake (", why, "); use a WebSocket client of version 13 (RFC 6455)"
    )


def explain_improper_answer(error: Exception) -> str:
    """Why an answer with the status 101 is none that we accept, for the user of the client."""
    why = describe(error)
    if isinstance(error, NegotiationError):
        return reason("the server answers with what it was not asked for (", why, "); check supported_protocols")
    return reason("the server's answer is no proper opening handshake (", why, "); check that it is a WebSocket server")


def explain_no_http(received: bytes) -> str:
    """What came in place of an HTTP answer, for the user of the client."""
    shown = one_line(received.partition(b"\n")[0].rstrip())
    return reason("the other side does not speak HTTP/1.1 (it says: ", shown, "); check host and port of the URL")


def explain_status(version: str, status: int, phrase: bytes, location: str, detail: bytes) -> str:
    """Why a server that answers with an HTTP status other than 101 does not let us in, for the user of the client.

    `detail` is how the body begins; it is quoted if it is meant for people.
    """
    answer = f"the server answered HTTP {status} {one_line(phrase, _LONGEST_PHRASE)}".rstrip()
    shown = _first_line(detail)
    remedy = _remedy(version, status, location, shown)
    return reason(f"{answer}: ", shown, f"; {remedy}") if shown else reason(answer, "", f"; {remedy}")


def explain_old_version(version: str) -> str:
    """Why a status 101 (or lower) means nothing in another version of HTTP, for the user of the client."""
    return reason("the answer came in ", version, f", which knows no WebSocket; {_PROXY}")


def is_retryable(status: int) -> bool:
    """Whether the same attempt of a client may succeed later. RFC 9110 section 15: unknown ones from 600 are as 5xx."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN


def _first_line(detail: bytes) -> str:
    """What a body says, if it is meant for people."""
    # Cut off in the middle of a character it may be, but binary it is not.
    text = detail[:1000].decode("utf-8", "replace").strip().rstrip("\ufffd")
    line = text.partition("\n")[0].strip().rstrip(" .;")
    return "" if line.startswith("<") or not line.isprintable() else line


def _remedy(version: str, status: int, location: str, detail: str) -> str:
    if status < HTTPStatus.MULTIPLE_CHOICES and version != "HTTP/1.1":
        return f"that came in {version}; {_PROXY}"
    if status in _REMEDIES:
        return _REMEDIES[HTTPStatus(status)]
    if is_retryable(status):
        return "try again later"
    if location:
        return f"it leads to {one_line(redacted(location), _LONGEST_LOCATION)}"
    if "subprotocol" in detail:
        return "set supported_protocols to what the server speaks"
    if "HTTPS" in detail:
        return "use a wss:// URL, not ws://"
    return "check that the URL is that of a WebSocket server"
