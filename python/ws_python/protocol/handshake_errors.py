"""Why an opening handshake failed: from an exception of `websockets` to one line that says what to do."""

from __future__ import annotations

import re
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, InvalidStatus, InvalidUpgrade, NegotiationError, SecurityError
from websockets.http11 import Response

# Answers after which trying again later makes sense, beside every 5xx one.
_TRY_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_REMEDIES = {
    HTTPStatus.UNAUTHORIZED: "give credentials in the URL or in handshake_headers (Authorization)",
    HTTPStatus.FORBIDDEN: "check credentials and Origin in handshake_headers",
    HTTPStatus.NOT_FOUND: "check the path of the URL",
}
# `websockets` reads HTTP/1.1 only, but errors are told by older servers, too, and by proxies.
_OLD_STATUS_LINE = re.compile(rb"HTTP/1\.0 ([2-5]\d\d)(?: ([\x20-\x7e]*))?\r?\n")
_LONGEST_DETAIL = 200


def explain_to_server(error: Exception) -> str:
    """Why a client was not let in, for the user of the server."""
    if isinstance(error, InvalidUpgrade):
        return f"it asked for a page, not for a WebSocket ({error}); use a WebSocket client and a ws:// URL"
    if isinstance(error, SecurityError):
        return f"its request is too long ({error}); shorten the URL or the headers"
    if isinstance(error, InvalidMessage):
        return _explain_no_http(error) + "use a WebSocket client and a ws:// URL, not wss://"
    if isinstance(error, NegotiationError):
        return f"no common subprotocol ({error}); have it offer one of supported_protocols"
    return f"its request is no proper opening handshake ({error}); use a WebSocket client of version 13 (RFC 6455)"


def explain_to_client(error: Exception, received: bytes) -> str:
    """Why the server does not let us in, for the user of the client. `received` is how its answer begins."""
    if isinstance(error, InvalidStatus):
        return _explain_status(error.response)
    if (response := _old_response(error, received)) is not None:
        return _explain_status(response)
    if isinstance(error, InvalidMessage):
        return _explain_no_http(error) + "check host and port of the URL"
    if isinstance(error, NegotiationError):
        return f"the server answers with what it was not asked for ({error}); check supported_protocols"
    return f"the server's answer is no proper opening handshake ({error}); check that it is a WebSocket server"


def is_retryable(error: Exception, received: bytes) -> bool:
    """Whether the same attempt of a client may succeed later."""
    response = error.response if isinstance(error, InvalidStatus) else _old_response(error, received)
    if response is None:
        return False
    return response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status_code in _TRY_AGAIN


def _old_response(error: Exception, received: bytes) -> Response | None:
    """The answer that was not understood because it came in HTTP/1.0."""
    match = _OLD_STATUS_LINE.match(received) if isinstance(error, InvalidMessage) else None
    return None if match is None else Response(int(match[1]), (match[2] or b"").decode(), Headers())


def _explain_no_http(error: InvalidMessage) -> str:
    return f"the other side does not speak HTTP/1.1 ({error.__cause__ or error}); "


def _explain_status(response: Response) -> str:
    detail = _first_line(response)
    answer = f"the server answered HTTP {response.status_code} {response.reason_phrase}".rstrip()
    return f"{answer}{': ' if detail else ''}{detail}; {_remedy(response, detail)}"


def _first_line(response: Response) -> str:
    """What the body says, if it is meant for people."""
    line = bytes(response.body).decode("utf-8", "replace").strip().partition("\n")[0][:_LONGEST_DETAIL].rstrip(" .;")
    return "" if line.startswith("<") or not line.isprintable() else line


def _remedy(response: Response, detail: str) -> str:
    status = response.status_code
    if status in _REMEDIES:
        return _REMEDIES[HTTPStatus(status)]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN:
        return "try again later"
    if location := ", ".join(response.headers.get_all("Location")):
        return f"it leads to {location}"
    if "subprotocol" in detail:
        return "set supported_protocols to what the server speaks"
    return "check that the URL is that of a WebSocket server"
