"""What may be sent, and what a user is told when something may not: one line that says what to do instead."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..protocol.close_codes import may_be_sent
from .errors import Error
from .type_names import type_name

_log = logging.getLogger("ws_python")

#: The cause of complaints about a receiver that is too slow.
FULL = "outbound_buffer_size is reached"

# A control frame's 125 bytes (RFC 6455 section 5.5) less the code.
_MAX_REASON_BYTES = 123
_LONGEST_KEY = 256  # characters
_JSON_ADVICE = "use dictionaries, arrays, strings, finite numbers, booleans and null only, and keys that differ as text"


def encode_json(value: object, method: str = "send_json") -> str | None:
    """`value` as JSON text, or None, after saying why, if it cannot be: in the name of `method`."""
    try:
        return json_of(value)
    except ValueError as error:
        _log.error("%s: %s", method, error)
    return None


def json_of(value: object) -> str:
    """`value` as JSON text. Raises ValueError with one line that says what to do."""
    try:
        _check_keys(value)
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        reason: object = "it holds itself, or is nested too deep"
    except (TypeError, ValueError) as error:
        reason = error
    raise ValueError(f"{reason}; {_JSON_ADVICE}")


def _check_keys(value: object) -> None:
    """Python's own containers, which json takes as they are: raises as _with_text_keys()."""
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                _with_text_keys(value)
                break
        _check_items(value.values())
    elif isinstance(value, (list, tuple)):
        _check_items(value)


def _check_items(items: Iterable[object]) -> None:
    for item in items:
        if isinstance(item, (dict, list, tuple)):
            _check_keys(item)


def _plain(value: object) -> object:
    """A container of another kind as the one that json knows. Raises TypeError for all else."""
    if isinstance(value, Mapping):
        members = _with_text_keys(value)
        _check_items(members.values())
        return members
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        items = list(value)
        _check_items(items)
        return items
    raise TypeError(f"{type_name(type(value))} has no form in JSON")


def _with_text_keys(mapping: Mapping[Any, object]) -> dict[str, object]:
    """RFC 8259 section 4: names are strings, and unique. Raises ValueError for two keys that JSON cannot tell apart."""
    members: dict[str, object] = {}
    for key in mapping:
        name = key if isinstance(key, str) else _key_name(key)
        if name in members:
            raise ValueError(f"two keys of a dictionary are the same in JSON, the second is a {type_name(type(key))}")
        members[name] = mapping[key]
    return members


def _key_name(key: object) -> str:
    """A key that is no text as JavaScript would write it. Raises TypeError for what cannot be one."""
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key, allow_nan=False)
    raise TypeError(f"{type_name(type(key))} cannot be a key in JSON")


def check_key(key: object) -> str | int | None:
    """A key of send_latest() as one that can be compared, or None, after saying why, if it cannot be one."""
    if isinstance(key, str) and len(key) <= _LONGEST_KEY:
        return str(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    if isinstance(key, str):
        _log.error("send_latest: the key has %d characters; at most %d are allowed", len(key), _LONGEST_KEY)
    else:
        _log.error("send_latest: the key must be String or int, not %s", type_name(type(key)))
    return None


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


def explain_send_error(error: Error, method: str, message: object, complain: Callable[..., None] | None) -> None:
    """Tell the user why a message was not sent, where they can do something about it.

    What the other side causes goes to `complain(cause, message, *arguments)` of its connection, which says it once.
    """
    if error == Error.ERR_INVALID_PARAMETER and isinstance(message, (str, bytes, bytearray, memoryview)):
        _log.error("%s: a message is text or binary throughout; end the fragmented one first", method)
    elif error == Error.ERR_INVALID_PARAMETER:
        _log.error(
            "%s: %s is neither text nor binary; use send_json(), or convert it to a String or PackedByteArray first",
            method,
            type_name(type(message)),
        )
    elif error == Error.ERR_INVALID_DATA:
        _log.error("%s: the text holds half a surrogate pair, which UTF-8 cannot carry; send it as binary", method)
    elif error == Error.ERR_BUSY and complain is not None:
        complain(
            FULL,
            "%s: outbound_buffer_size is reached; the receiver is too slow, send less, or wait for drained; in a "
            "session, session_buffer_size counts, too",
            method,
        )
    elif error == Error.ERR_OUT_OF_MEMORY and complain is not None:
        complain(
            "a message is longer than outbound_buffer_size",
            "%s: the message is longer than outbound_buffer_size, and never fits; raise it",
            method,
        )
    elif error == Error.ERR_UNAUTHORIZED and method == "send_fragment":
        _log.error("send_fragment: outgoing_supervisor has to see whole messages; use send() while it is set")
    elif error == Error.ERR_ALREADY_IN_USE:
        _log.error("%s: a message is being sent in fragments; end it with send_fragment(data, true) first", method)
