"""What a user adds to opening handshakes: headers and subprotocols, checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from websockets.typing import Subprotocol

from .quoting import one_line

_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 section 5.5
# The handshake itself writes these.
_RESERVED = re.compile(r"(sec-websocket-.*|upgrade|connection|content-length|transfer-encoding)", re.IGNORECASE)
# The most characters of what is wrong that are repeated.
_SHOWN = 60


def parse_headers(lines: Sequence[str]) -> list[tuple[str, str]]:
    """The headers that "Name: value" lines give.

    Raises ValueError with one line that says what is wrong. It repeats no value: some are secrets.
    """
    headers = []
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            # What is no name may be a part of a value.
            shown = f", {one_line(name, _SHOWN)}," if colon and _TOKEN.fullmatch(name) else ""
            raise ValueError(f'line {number} of the headers{shown} is not a header; write it like "Name: value"')
        if _RESERVED.fullmatch(name):
            raise ValueError(f"the header {name} belongs to the opening handshake; leave it out of handshake_headers")
        headers.append((name, value))
    return headers


def parse_subprotocols(names: Sequence[str]) -> list[Subprotocol]:
    """Checked subprotocol names.

    Raises ValueError with one line that says what is wrong. It repeats no name: some games pass a token as one.
    """
    for number, name in enumerate(names, 1):
        # RFC 6455 section 4.1: tokens, and all unique.
        if not _TOKEN.fullmatch(name):
            raise ValueError(
                f"number {number} of supported_protocols is not a subprotocol name; use letters, digits and -._~ only"
            )
        if names.index(name) < number - 1:
            raise ValueError(
                f"number {number} of supported_protocols is a subprotocol that is there twice; leave out one of them"
            )
    return [Subprotocol(name) for name in names]
