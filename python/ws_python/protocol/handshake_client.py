"""The client's side of the opening handshake (RFC 6455 section 4.1): writes one request, and reads the answer.

The head of the answer decides: what its body says is quoted where it came with the head, and never waited for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import NamedTuple

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from .deflate import Deflate
from .handshake_base import CLOSED_EARLY, SILENT, Handshake, limited
from .handshake_errors import (
    TLS_ANSWER,
    explain_improper_answer,
    explain_no_http,
    explain_old_version,
    explain_status,
    is_retryable,
)
from .http_head import MAX_HEAD, HeadError, HeadReader, field_values, parse_fields
from .session import layered
from .urls import host_header, parse_url

_USER_AGENT = "ws_python"
_HTTP = b"HTTP/"
# TLS records of the types alert and handshake, of any version (RFC 8446 section 5.1).
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")
# RFC 9112 section 4. Many leave out the space before a reason phrase that is empty.
_STATUS_LINE = re.compile(rb"(HTTP/[0-9](?:\.[0-9])?) ([1-9][0-9]{2})(?: (.*))?", re.DOTALL)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,4})[^\r\n]{0,100}\r\n")
# How much of an answer that is no HTTP is looked at, to tell what it is.
_SHOWN = 100
# The most answers before the final one (RFC 9110 section 15.2).
_MAX_INTERIM = 8


class _StatusLine(NamedTuple):
    version: str
    status: int
    phrase: bytes


class ClientHandshake(Handshake):
    """The client's side: writes one request and reads the answer."""

    __slots__ = ("_interim", "_protocol", "_room", "_url", "offers_layer", "uri")

    def __init__(
        self,
        url: str,
        subprotocols: Sequence[Subprotocol],
        headers: Sequence[tuple[str, str]],
        deflate: Deflate | None = None,
        *,
        offers_layer: bool = False,
    ) -> None:
        """Raises ValueError with one line for a bad URL, as parse_url() does."""
        uri = parse_url(url)
        super().__init__(deflate)
        #: Where to connect to, see parse_url().
        self.uri = uri
        self._url = url
        #: Whether the session layer is among what is offered.
        self.offers_layer = offers_layer
        self.path = uri.resource_name
        self.retryable = True
        self._interim = 0
        self._room = MAX_HEAD
        extensions = None if deflate is None else [_extension(deflate)]
        offered = [Subprotocol(name) for name in layered(subprotocols)] if offers_layer else subprotocols
        protocol = ClientProtocol(uri, subprotocols=offered or None, extensions=extensions, logger=SILENT)
        self._protocol: ClientProtocol | None = protocol
        self._outgoing = _request(protocol, uri, headers)

    @property
    def url(self) -> str:
        """The URL as it was given, with whatever is secret in it: what is shown is redacted(url)."""
        return self._url

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the server, at most 16 KiB a call."""
        while not self.done and self._reader is not None:
            reader = self._reader
            try:
                head = reader.feed(data)
            except HeadError as error:
                self._conclude_malformed(reader, error)
                return
            if head is None:
                self._check_beginning(reader.beginning(_SHOWN))
                return
            data = reader.leftover
            self._read(reader, head)

    def receive_eof(self) -> None:
        """The server closed the connection."""
        line = None if self.done or self._reader is None else _status_line(self._reader)
        if line is not None and _is_refusal(line):
            self._refused(line, b"", b"")  # The status came, and that is what decides.
        super().receive_eof()

    def _check_beginning(self, received: bytes) -> None:
        """Fail as soon as it is seen that this is no HTTP: most that speak something else wait for us."""
        if received.startswith(_TLS_RECORDS):
            self._fail_for_good(TLS_ANSWER)
        elif any(record.startswith(received) for record in _TLS_RECORDS):
            return  # Its next byte tells.
        elif not _HTTP.startswith(received[: len(_HTTP)]):
            self._fail_for_good(explain_no_http(received))

    def _read(self, reader: HeadReader, head: bytes) -> None:
        line = _status_line(reader)
        if line is None:
            self._conclude_malformed(reader, HeadError(HTTPStatus.BAD_REQUEST, "its first line is no status line"))
        elif _is_refusal(line):
            self._keep_fields_that_are_good(head)
            self._refused(line, self._fields, reader.leftover)
        elif line.status == HTTPStatus.SWITCHING_PROTOCOLS:
            self._read_switching(reader, head, line)
        else:
            self._skip_interim(len(head))

    def _skip_interim(self, size: int) -> None:
        self._interim += 1
        self._room -= size
        if self._interim > _MAX_INTERIM or self._room <= 0:
            error = HeadError(HTTPStatus.BAD_REQUEST, f"more than {_MAX_INTERIM} answers before the final one")
            self._fail_for_good(explain_improper_answer(error))
            return
        self._reader = HeadReader(self._room)

    def _read_switching(self, reader: HeadReader, head: bytes, line: _StatusLine) -> None:
        protocol = self._protocol
        assert protocol is not None  # It is there until we are done.
        self.status = line.status
        if line.version != "HTTP/1.1":
            self._fail_for_good(explain_old_version(line.version))
            return
        try:
            headers = parse_fields(head)
            self._keep_fields(head)
            protocol.process_response(Response(line.status, "", headers))
        except (HeadError, InvalidHandshake) as error:
            self._fail_for_good(explain_improper_answer(error))
            return
        self.leftover = reader.leftover
        self._succeed(protocol.subprotocol, protocol.extensions)

    def _conclude_malformed(self, reader: HeadReader, error: HeadError) -> None:
        line = _status_line(reader)
        if line is not None and _is_refusal(line):
            self._refused(line, b"", b"")
            return
        self._check_beginning(reader.beginning(_SHOWN))
        if not self.done:
            self._fail_for_good(explain_improper_answer(error))

    def _refused(self, line: _StatusLine, fields: bytes, body: bytes) -> None:
        location = ", ".join(field_values(fields, "Location"))
        self.status = line.status
        self.retryable = is_retryable(line.status)
        detail = _readable(fields, body)
        self._fail(explain_status(line.version, line.status, line.phrase, location, detail))

    def _keep_fields_that_are_good(self, head: bytes) -> None:
        """Of an answer whose status decides, header lines that are malformed are as good as none."""
        try:
            parse_fields(head)
        except HeadError:
            return
        self._keep_fields(head)

    def _fail_for_good(self, error: str) -> None:
        self.retryable = False
        self._fail(error)

    def _agreed(self, extension: PerMessageDeflate, wanted: Deflate) -> Deflate:
        return replace(
            wanted,
            server_no_context_takeover=extension.remote_no_context_takeover,
            client_no_context_takeover=extension.local_no_context_takeover,
            server_max_window_bits=extension.remote_max_window_bits,
            client_max_window_bits=extension.local_max_window_bits,
        )

    def _let_go(self) -> None:
        super()._let_go()
        if self._protocol is not None:
            self._protocol.parser.close()  # Or both would live until the garbage collector comes by, which we put off.
            self._protocol = None


def why_unanswered(handshake: Handshake) -> str:
    """Why one failed over a connection that was there, or in whose time none came to be: a name to count it by."""
    if not handshake.error:
        return "connect_timeout"
    if handshake.error == CLOSED_EARLY:
        return "left_in_handshake"
    return "refused_by_status" if handshake.status >= HTTPStatus.OK else "failed_improper_answer"


def _request(protocol: ClientProtocol, uri: WebSocketURI, headers: Sequence[tuple[str, str]]) -> bytes:
    """What to send first. Host comes first (RFC 9110 section 7.2), and the user's own behind ours."""
    request = protocol.connect()
    request.headers["User-Agent"] = _USER_AGENT
    del request.headers["Host"]
    ours = list(request.headers.raw_items())
    # What the user writes replaces ours (Host, User-Agent, Authorization); several of the user's own stay.
    replaced = {name.lower() for name, _ in headers} & {"host", "user-agent", "authorization"}
    request.headers.clear()
    for name, value in [("Host", host_header(uri)), *ours]:
        if name.lower() not in replaced:
            request.headers[name] = value
    for name, value in headers:
        request.headers[name] = value
    return request.serialize()


def _status_line(reader: HeadReader) -> _StatusLine | None:
    line = reader.first_line()
    match = None if line is None else _STATUS_LINE.fullmatch(line)
    return None if match is None else _StatusLine(match[1].decode("ascii"), int(match[2]), match[3] or b"")


def _is_refusal(line: _StatusLine) -> bool:
    return line.status >= HTTPStatus.OK


def _readable(fields: bytes, body: bytes) -> bytes:
    """As much of a body as came with its head, if it can be read as it is; of several chunks the first."""
    length = "".join(field_values(fields, "Content-Length"))
    if length.isascii() and length.isdigit():
        body = body[: int(length[:9])]
    codings = [
        value.lower() for name in ("Content-Encoding", "Transfer-Encoding") for value in field_values(fields, name)
    ]
    if codings == ["chunked"]:
        size = _CHUNK_SIZE.match(body)
        return b"" if size is None else body[size.end() : size.end() + int(size[1], 16)]
    return b"" if any(coding != "identity" for coding in codings) else body


def _extension(wanted: Deflate) -> ClientPerMessageDeflateFactory:
    # Without a limit of its own it lets the server set one (RFC 7692 section 7.1.2.2).
    return ClientPerMessageDeflateFactory(
        wanted.server_no_context_takeover,
        wanted.client_no_context_takeover,
        limited(wanted.server_max_window_bits),
        limited(wanted.client_max_window_bits) or True,
    )
