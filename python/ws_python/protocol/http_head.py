"""The head of an HTTP/1.1 message (RFC 9112): collected within bounds, each byte looked at once, and parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import TypeVar

from websockets.datastructures import Headers
from websockets.exceptions import RequestLineTooLong, SecurityError
from websockets.http11 import Request, parse_headers
from websockets.streams import StreamReader

# The most bytes of a head: the first line, all header lines, and the empty line that ends it.
MAX_HEAD = 16 * 1024
# The most entries that one header has in all its lines together, and the most parameters, and escapes in them, of all
# its entries.
MAX_LIST_ENTRIES = 32
MAX_PARAMETERS = 64

_T = TypeVar("_T")
_LINE_END = b"\r\n"
_END = _LINE_END + _LINE_END
# RFC 9112 section 2.2: a lone CR or LF, and NUL, are how requests are smuggled past others that read them differently.
_CR = 0x0D
_FLAW = re.compile(rb"\x00|\r[^\n]|(?<!\r)\n")
_FLAW_NAMES = {b"\x00": "a NUL byte", b"\n": "a line feed without a carriage return"}
_LISTS = ("Connection", "Upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")


class HeadError(Exception):
    """The head is not as HTTP wants it, or larger than may be. Says why; `status` is what a server answers."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class HeadReader:
    """Collects the pieces of a head. After an error, and after the end, feed it nothing more."""

    __slots__ = ("_line_end", "_received", "_room", "leftover")

    def __init__(self, room: int = MAX_HEAD) -> None:
        self._received = bytearray()
        self._room = room
        self._line_end = -1
        # What came behind the head.
        self.leftover = b""

    def feed(self, data: bytes) -> bytes | None:
        """Add a piece. The whole head, with the empty line that ends it, as soon as it is there. Raises HeadError."""
        received = self._received
        seen = len(received)
        received += data
        # What ends the head or a line, and what is wrong in it, may be cut in two.
        end = received.find(_END, max(0, seen - len(_END) + 1), self._room)
        size = end + len(_END) if end >= 0 else len(received)
        if self._line_end < 0:
            self._line_end = received.find(_LINE_END, max(0, seen - len(_LINE_END) + 1), self._room)
        self._check_new(seen, min(size, self._room))
        if end >= 0:
            self.leftover = bytes(received[size:])
            return bytes(received[:size])
        if size >= self._room:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            if self._line_end < 0:
                status = HTTPStatus.REQUEST_URI_TOO_LONG
            raise HeadError(status, f"more than {MAX_HEAD} bytes")
        return None

    def _check_new(self, start: int, stop: int) -> None:
        """Look for flaws in what came from `start` on. Raises HeadError."""
        received = self._received
        if start and received[start - 1] == _CR:
            start -= 1
        # What follows a CR that came last, the next piece tells.
        end = stop - 1 if stop > start and received[stop - 1] == _CR else stop
        line_ends = received.count(_LINE_END, start, end)
        # A hundred times as fast as the expression, which says what it is.
        if (
            received.count(b"\n", start, end) == line_ends
            and received.count(b"\r", start, end) == line_ends
            and received.find(b"\0", start, end) < 0
        ):
            return
        flaw = _FLAW.search(received, start, stop)
        assert flaw is not None
        if flaw.start() < self._line_end:
            self._line_end = -1
        raise HeadError(HTTPStatus.BAD_REQUEST, _FLAW_NAMES.get(flaw[0], "a carriage return without a line feed"))

    def beginning(self, size: int) -> bytes:
        """The first bytes that came, at most `size`."""
        return bytes(self._received[:size])

    def first_line(self) -> bytes | None:
        """The first line without its end, or None while it is not there, and if it is flawed."""
        return None if self._line_end < 0 else bytes(self._received[: self._line_end])


def parse_request(head: bytes) -> Request:
    """The whole head of a request. Raises HeadError."""
    return _checked(head, Request.parse, lambda request: request.headers)


def parse_fields(head: bytes) -> Headers:
    """The header lines of a whole head. Raises HeadError."""
    return _checked(head[head.index(_LINE_END) + len(_LINE_END) :], parse_headers, lambda headers: headers)


def field_values(fields: bytes, name: str) -> list[str]:
    """The values of one header in header lines that were parsed without an error before."""
    wanted = name.lower().encode("utf-8", "replace")
    lines = (line.partition(b":") for line in fields.split(_LINE_END))
    return [value.strip(b" \t").decode("iso-8859-1") for field, _, value in lines if field.lower() == wanted]


def fields_of(fields: bytes) -> Headers:
    """All headers in header lines that were parsed without an error before."""
    headers = Headers()
    for line in filter(None, fields.split(_LINE_END)):
        name, _, value = line.partition(b":")
        headers[name.decode("iso-8859-1")] = value.strip(b" \t").decode("iso-8859-1")
    return headers


def _checked(data: bytes, parse: Callable[..., Generator[None, None, _T]], headers: Callable[[_T], Headers]) -> _T:
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    try:
        next(parse(reader.read_line))
    except StopIteration as done:  # All is there: it waits for nothing.
        parsed: _T = done.value
    except RequestLineTooLong as error:
        raise HeadError(HTTPStatus.REQUEST_URI_TOO_LONG, str(error)) from None
    except SecurityError as error:
        raise HeadError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, str(error)) from None
    except (EOFError, NotImplementedError, ValueError) as error:
        # What stands behind the colon is the line, which may be a secret.
        raise HeadError(HTTPStatus.BAD_REQUEST, str(error).partition(":")[0]) from None
    _check_lists(headers(parsed))
    return parsed


def _check_lists(headers: Headers) -> None:
    # `websockets` takes a microsecond or more for each, empty ones included, which RFC 9110 section 5.6.1.2 warns of.
    for name in _LISTS:
        values = headers.get_all(name)
        if len(values) + sum(value.count(",") for value in values) > MAX_LIST_ENTRIES:
            raise HeadError(HTTPStatus.BAD_REQUEST, f"{name} lists more than {MAX_LIST_ENTRIES} entries")
        if sum(value.count(";") + value.count("\\") for value in values) > MAX_PARAMETERS:
            raise HeadError(HTTPStatus.BAD_REQUEST, f"{name} has more than {MAX_PARAMETERS} parameters and escapes")
