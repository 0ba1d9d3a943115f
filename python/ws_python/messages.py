"""What may be sent, and what a user is told when something may not: one line that says what to do instead."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence

from .close_codes import may_be_sent
from .errors import Error

_log = logging.getLogger("ws_python")

# A control frame's 125 bytes (RFC 6455 section 5.5) less the code.
_MAX_REASON_BYTES = 123


def encode_json(value: object) -> str | None:
    """`value` as JSON text, or None, after saying why, if it cannot be."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        _log.error("send_json: %s; use dictionaries, arrays, strings, finite numbers, booleans and null only", error)
        return None


def _plain(value: object) -> object:
    """A container of another kind as the one that json knows. Raises TypeError for all else."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def check_close(code: int, reason: str) -> Error:
    """Whether a close frame may hold `code` and `reason`."""
    if not may_be_sent(code):
        _log.error("close: code %d cannot be sent; use 1000 (done), 1001 (going away) or one from 3000 to 4999", code)
        return Error.ERR_INVALID_PARAMETER
    try:
        size = len(reason.encode())
    except UnicodeEncodeError:
        _log.error("close: the reason holds half a surrogate pair, which UTF-8 cannot carry")
        return Error.ERR_INVALID_PARAMETER
    if size > _MAX_REASON_BYTES:
        _log.error("close: the reason has %d bytes of UTF-8; at most %d fit", size, _MAX_REASON_BYTES)
        return Error.ERR_INVALID_PARAMETER
    return Error.OK


def explain_send_error(error: Error, method: str, message: object) -> None:
    """Tell the user why a message was not sent, where they can do something about it."""
    if error == Error.ERR_INVALID_PARAMETER and isinstance(message, (str, bytes, bytearray, memoryview)):
        _log.error("%s: a message is text or binary throughout; end the fragmented one first", method)
    elif error == Error.ERR_INVALID_PARAMETER:
        _log.error(
            "%s: %s is neither text nor binary; use send_json(), or convert it to a string or bytes first",
            method,
            type(message).__name__,
        )
    elif error == Error.ERR_INVALID_DATA:
        _log.error("%s: the text holds half a surrogate pair, which UTF-8 cannot carry; send it as binary", method)
    elif error == Error.ERR_OUT_OF_MEMORY:
        _log.error("%s: outbound_buffer_size is reached; the receiver is too slow, send less or raise it", method)
    elif error == Error.ERR_BUSY:
        _log.error("%s: a message is being sent in fragments; end it with send_fragment(data, true) first", method)
