"""What a client requests: method, target and version (RFC 9112 section 3), and the Host header that goes with it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from http import HTTPStatus

from .http_head import HeadError

_LINE = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]++) ([^ ]*+) HTTP/([0-9])\.([0-9])")
# RFC 3986, and what browsers send all the same, as the URL Standard has it: []{}|^`\ and a "%" that encodes nothing.
_ORIGIN_FORM = re.compile(r"/[!$-;=?-~]*")
_ABSOLUTE_FORM = re.compile(r"(ws|wss|http|https)://([^/?#]*)([^#]*)", re.IGNORECASE)
# What can be answered, if only with an error. The other methods have forms of a target, and bodies, of their own.
_METHODS = ("GET", "HEAD")
# RFC 3986 section 3.2.2, not empty (RFC 9110 section 4.2.1), and RFC 6874 for the zone.
_HOST = re.compile(
    r"(?:(?:[-A-Za-z0-9._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})++|\[([0-9A-Fa-f:.]++)(?:%25[-A-Za-z0-9._~]++)?\])(?::([0-9]{0,5}))?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    method: str
    #: Path and query, as they came.
    path: str
    #: Scheme and authority of the absolute form (RFC 9112 section 3.2.2); empty if the client gave a path only.
    origin: str


def parse_request_line(line: bytes) -> Target:
    """The first line of a request. Raises HeadError with the status to answer and what is wrong."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise HeadError(HTTPStatus.BAD_REQUEST, "the first line is no request line")
    method, target = match[1].decode("ascii"), match[2].decode("iso-8859-1")
    if (match[3], match[4]) != (b"1", b"1"):
        version = f"HTTP/{match[3].decode()}.{match[4].decode()}"
        raise HeadError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, version)
    if method not in _METHODS:
        raise HeadError(HTTPStatus.METHOD_NOT_ALLOWED, method)
    if _ORIGIN_FORM.fullmatch(target):
        return Target(method, target, "")
    if absolute := _ABSOLUTE_FORM.fullmatch(target):
        path = absolute[3] if absolute[3].startswith("/") else "/" + absolute[3]
        # Its user information would be there to deceive (RFC 9110 section 4.2.4); no host has an "@".
        if _is_host(absolute[2]) and _ORIGIN_FORM.fullmatch(path):
            secure = absolute[1].lower() in ("wss", "https")
            return Target(method, path, f"{'wss' if secure else 'ws'}://{absolute[2]}")
    raise HeadError(HTTPStatus.BAD_REQUEST, "the request target is no path and no URL")


def check_host(values: list[str]) -> str:
    """The one valid Host header that a request has to have (RFC 9112 section 3.2). Raises HeadError."""
    if len(values) != 1:
        raise HeadError(HTTPStatus.BAD_REQUEST, f"{len(values) or 'no'} Host headers, where there has to be one")
    if not _is_host(values[0]):
        raise HeadError(HTTPStatus.BAD_REQUEST, "the Host header is no host")
    return values[0]


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    if match is None or (match[2] and int(match[2]) > 65535):
        return False
    if match[1]:
        try:
            ipaddress.IPv6Address(match[1])
        except ValueError:
            return False
    return True
