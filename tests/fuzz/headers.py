"""Fuzz target: what is read of strangers' text without a handshake around it: heads, request lines, URLs, header lines.

What holds, whatever comes: the only errors are those that are promised, in one printable line. How a head is cut
changes nothing. What is accepted is well-formed. What is shown of a URL holds nothing of its secrets.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import quote

from ws_python.protocol.handshake_settings import parse_headers, parse_subprotocols
from ws_python.protocol.http_head import MAX_HEAD, HeadError, HeadReader, field_values, parse_fields, parse_request
from ws_python.protocol.quoting import MAX_REASON, one_line, reason
from ws_python.protocol.request_line import check_host, parse_request_line
from ws_python.protocol.urls import host_header, parse_url, redacted

from tests.fuzz.given import Given, pieces

PATH = re.compile(r"/[!-\"$-~]*")
SECRET = "s3cr3t"
# With that at its beginning, a password that is not percent-encoded cannot be told from a port and a path; nor can it
# where it goes on from the user's name to an IPv6 address and a path.
LIKE_A_PORT = re.compile(r"0*[1-9][0-9]{0,4}[/?#]")
LIKE_AN_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.]*(%[^\]]*)?\](:[0-9]*)?[/?#]")


def check_line(text: str, most: int = MAX_REASON) -> None:
    """What is shown is one line of so many printable characters."""
    assert text.isprintable()
    assert len(text) <= most
    text.encode()


def collected(parts: list[bytes]) -> tuple[bytes | None, bytes, str]:
    """What a reader makes of the parts: the head, what comes behind it, or else the error."""
    reader = HeadReader()
    for index, part in enumerate(parts):
        try:
            head = reader.feed(part)
        except HeadError as error:
            check_line(str(error))
            return None, b"", str(error)
        if head is not None:
            return head, reader.leftover + b"".join(parts[index + 1 :]), ""
    return None, b"", ""


def head(given: Given) -> None:
    sizes = given.sizes()
    data = b"".join(given.payload() for _ in range(given.below(4))) + given.rest()
    whole = collected([data])
    cut = collected(pieces(data, sizes))
    assert whole == cut
    if whole[0] is None:
        assert whole[2] or len(data) < MAX_HEAD
        return
    assert whole[0] + whole[1] == data
    assert whole[0].endswith(b"\r\n\r\n")
    for parse in (parse_request, parse_fields):
        try:
            parse(whole[0])
        except HeadError as error:
            check_line(one_line(str(error)))
        else:
            for name in ("Host", "Upgrade", "x", "é"):
                for value in field_values(whole[0], name):
                    assert value == value.strip(" \t")
                    assert not set(value) & set("\r\n\0")


def request_line(given: Given) -> None:
    try:
        target = parse_request_line(given.rest())
    except HeadError as error:
        assert 400 <= error.status <= 505
        check_line(one_line(str(error)))
        return
    assert target.method in ("GET", "HEAD")
    assert PATH.fullmatch(target.path)
    assert not target.origin or target.origin.startswith(("ws://", "wss://"))
    check_line(one_line(redacted(target.origin + target.path)))


def host(given: Given) -> None:
    values = [given.block().decode("iso-8859-1") for _ in range(given.below(3))]
    try:
        accepted = check_host(values)
    except HeadError as error:
        check_line(str(error))
        return
    assert values == [accepted]
    assert accepted.isascii()
    check_line(accepted, 300)


def url(given: Given) -> None:
    errors = "surrogateescape" if given.flag() else "replace"
    text = given.rest().decode("utf-8", errors)
    shown = redacted(text)
    check_line(shown)
    try:
        uri = parse_url(text)
    except ValueError as error:
        assert not isinstance(error, UnicodeError)
        check_line(str(error), 600)
        return
    assert re.fullmatch(r"[\x21-\x7e]+", uri.resource_name)
    assert uri.resource_name.startswith("/")
    assert 0 < uri.port < 65536
    assert re.fullmatch(r"[\x21-\x7e]+", uri.host)
    assert re.fullmatch(r"[\x21-\x7e]+", host_header(uri))
    if ":" in uri.host:
        ipaddress.IPv6Address(uri.host)
    again = f"{'wss' if uri.secure else 'ws'}://{host_header(uri)}{uri.resource_name}"
    same = parse_url(again)
    assert (same.port, same.resource_name) == (uri.port, uri.resource_name)
    assert same.host == uri.host.partition("%")[0]


def secrets(given: Given) -> None:
    """A URL with a password and a query value that are known, between any text that does not end what they stand in."""
    before, within, behind = (given.block().decode("utf-8", "replace") for _ in range(3))
    before = re.sub(r"[/?#@]", "", before)
    texts = [
        f"ws://{before}:{SECRET}{within}@host/{behind}",
        f"ws://{before}:{quote(within, safe='')}{SECRET}@host/{behind}",
        f"wss://host/path?{quote(before)}={SECRET}{quote(within)}&{behind}",
        f"ws://host/#{SECRET}{within}",
    ]
    if not (LIKE_A_PORT.match(within) or LIKE_AN_ADDRESS.match(f"{before}:{within}") or "@" in within):
        texts.append(f"ws://{before}:{within}{SECRET}@host/{behind}")
    for text in texts:
        shown = redacted(text)
        assert SECRET not in shown or SECRET in before or SECRET in behind
        check_line(shown)
        try:
            parse_url(text)
        except ValueError as error:
            assert SECRET not in str(error) or SECRET in before or SECRET in behind


def settings(given: Given) -> None:
    lines = [given.block().decode("utf-8", "replace") for _ in range(given.below(4) + 1)]
    for parse in (parse_headers, parse_subprotocols):
        try:
            parse(lines)
        except ValueError as error:
            check_line(str(error), 400)
    shown = given.rest()
    for text in (shown, shown.decode("utf-8", "surrogateescape")):
        check_line(one_line(text))
        check_line(reason("before ", text, " after"))


PARTS: tuple[Callable[[Given], None], ...] = (head, request_line, host, url, secrets, settings)


def run(data: bytes) -> None:
    """One text, read as one of these."""
    given = Given(data)
    PARTS[given.below(len(PARTS))](given)
