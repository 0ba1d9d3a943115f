"""Values in messages: as JSON, which every other side reads, or as the host of this one packs them.

What a message is, text or binary, says which: text is JSON (RFC 8259), binary is the host's. In plain Python that is
bytes as they are; an engine hands over an object of its own kind.
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, NoReturn

from ..declare import checks

# JSON numbers that are whole and within what hosts have for whole numbers.
_LEAST, _MOST = -(2**63), 2**63 - 1
_HALF_A_PAIR = "it holds half a surrogate pair, which UTF-8 cannot carry"
_LONGEST_INTEGER = 20  # characters


class Encoding(IntEnum):
    """How values become messages."""

    ENCODING_JSON = 0
    ENCODING_VAR = 1


class Payloads:
    """Of plain Python. Each method raises ValueError with one line that says what is wrong."""

    def encode(self, value: object, *, as_text: bool) -> str | bytes:
        """A value as the payload of a message; `as_text` says which kind is wanted where there is a choice."""
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        return self.encode_json(value)

    def decode(self, payload: str | bytes) -> Any:
        """The value in a payload, which comes from a stranger."""
        return self.decode_json(payload) if isinstance(payload, str) else payload

    def encode_json(self, value: object) -> str:
        """A value as JSON."""
        text = checks.json_of(value)
        if not text.isascii() and not _is_sendable(text):
            raise ValueError(_HALF_A_PAIR)
        return text

    def decode_json(self, text: str) -> Any:
        """The value in JSON; nothing at all is null."""
        if not text:
            return None
        try:
            value = json.loads(text, parse_int=_whole, parse_constant=_refuse)
        except RecursionError:
            raise ValueError("it is nested too deep") from None
        except ValueError:
            raise ValueError("it is no JSON") from None
        if "\\u" in text and not _is_sendable(json.dumps(value, ensure_ascii=False)):
            raise ValueError(_HALF_A_PAIR)
        return value


def _whole(digits: str) -> int | float:
    if len(digits) > _LONGEST_INTEGER:
        return float(digits)
    number = int(digits)
    return number if _LEAST <= number <= _MOST else float(digits)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _is_sendable(text: str) -> bool:
    """Whether it is Unicode: JSON can say half a character (RFC 8259 section 8.2)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
