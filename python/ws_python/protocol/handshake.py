"""The opening handshake of either side (RFC 6455 section 4), on `websockets`' sans-I/O protocols.

Rules: receive_data() never raises. When `done`, either `error` says in one line why the handshake failed, or it is
empty, `leftover` holds the bytes that came behind the handshake: they belong to the data phase, and `deflate` tells
what compression was agreed on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidURI
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.http11 import Request, Response
from websockets.protocol import Protocol
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from .deflate import MAX_WINDOW_BITS, Deflate
from .handshake_errors import explain_to_client, explain_to_server, is_retryable

_END_OF_HEAD = b"\r\n\r\n"
_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 section 5.5
_UNWRITABLE = re.compile(r"[\x00-\x20\x7f]")
# The handshake itself writes these.
_RESERVED = re.compile(r"(sec-websocket-.*|upgrade|connection|content-length|transfer-encoding)", re.IGNORECASE)
_USER_AGENT = "ws_python"
# How much of an answer is kept to tell what it was: more than any status line.
_KEPT_BYTES = 256


def parse_url(url: str) -> WebSocketURI:
    """The parts of a ws:// or wss:// URL. Raises ValueError with one line that says what is wrong."""
    try:
        if _UNWRITABLE.search(url):
            raise ValueError("it holds a space or a control character")
        uri = parse_uri(url)
        if urlsplit(url).port == 0:
            raise ValueError("there is no port 0")
        uri.host.encode("idna")  # As for looking the name up.
        return uri
    except UnicodeError:
        reason = "a part of the host name is empty, too long, or holds what no name may hold"
    except InvalidURI as error:
        reason = error.msg
    except ValueError as error:
        reason = str(error)
    raise ValueError(f'"{url}" is not a WebSocket URL: {reason}; write it like "ws://localhost:8080/path"')


def parse_headers(lines: Sequence[str]) -> list[tuple[str, str]]:
    """The headers that "Name: value" lines give. Raises ValueError with one line that says what is wrong."""
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f'{line!r} is not a header; write it like "Name: value"')
        if _RESERVED.fullmatch(name):
            raise ValueError(f"the header {name} belongs to the opening handshake; leave it out of handshake_headers")
        headers.append((name, value))
    return headers


def parse_subprotocols(names: Sequence[str]) -> list[Subprotocol]:
    """Checked subprotocol names. Raises ValueError with one line that says what is wrong."""
    for name in names:
        # RFC 6455 section 4.1: tokens, and all unique.
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is not a subprotocol name; use letters, digits and -._~ only")
        if names.count(name) > 1:
            raise ValueError(f"the subprotocol {name!r} is listed twice")
    return [Subprotocol(name) for name in names]


class Handshake:
    """What both sides share: feeding the head of an HTTP message, and no byte more, to the sans-I/O protocol."""

    def __init__(self, protocol: Protocol, deflate: Deflate | None) -> None:
        self.done = False
        self.error = ""
        # After an error: whether the same attempt may succeed later.
        self.retryable = False
        self.leftover = b""
        # What the client requested: path and query, and the whole URL.
        self.path = ""
        self.url = ""
        # What both sides agreed on, None for no compression.
        self.deflate: Deflate | None = None
        self._wanted_deflate = deflate
        self._protocol = protocol
        self._remote_headers = Headers()
        # Up to three bytes of what was fed already: the end of the head may be cut in two.
        self._tail = b""

    @property
    def subprotocol(self) -> str:
        """The subprotocol that both sides agreed on, or "" for none."""
        return self._protocol.subprotocol or ""

    def header(self, name: str) -> str:
        """A header that the other side sent, several of one name joined by commas, or "" if it sent none."""
        return ", ".join(self._remote_headers.get_all(name))

    def data_to_send(self) -> bytes:
        """Takes the bytes that are to be sent to the other side."""
        return b"".join(self._protocol.data_to_send())

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the other side."""
        raise NotImplementedError

    def receive_eof(self) -> None:
        """The other side closed the connection."""
        if not self.done:
            self._fail("the connection was closed during the opening handshake")

    def _succeed(self) -> None:
        self.done = True
        # The extensions hold a compressor and a decompressor each, which would stay as long as the connection.
        extensions, self._protocol.extensions = self._protocol.extensions, []
        for extension in extensions:
            if isinstance(extension, PerMessageDeflate) and self._wanted_deflate is not None:
                self.deflate = self._agreed(extension, self._wanted_deflate)

    def _agreed(self, extension: PerMessageDeflate, wanted: Deflate) -> Deflate:
        """What was wanted, with the parameters that came out of the negotiation."""
        raise NotImplementedError

    def _split_head(self, data: bytes) -> tuple[bytes, bytes]:
        seen = self._tail + data
        end = seen.find(_END_OF_HEAD)
        if end < 0:
            self._tail = seen[-3:]
            return data, b""
        cut = end + len(_END_OF_HEAD) - len(self._tail)
        return data[:cut], data[cut:]

    def _fail(self, reason: str) -> None:
        self.done = True
        self.error = reason


class ServerHandshake(Handshake):
    """The server's side: reads one request and answers it."""

    _protocol: ServerProtocol

    def __init__(
        self,
        subprotocols: Sequence[Subprotocol],
        headers: Sequence[tuple[str, str]],
        deflate: Deflate | None = None,
    ) -> None:
        extensions = None if deflate is None else [_server_extension(deflate)]
        super().__init__(ServerProtocol(subprotocols=subprotocols or None, extensions=extensions), deflate)
        self._headers = headers
        # Assigned while the server takes nobody: the request is answered with 503 and this text.
        self.refusal = ""

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the client."""
        head, self.leftover = self._split_head(data)
        self._protocol.receive_data(head)
        for request in self._protocol.events_received():
            if isinstance(request, Request):
                self._answer(request)
        if not self.done and self._protocol.handshake_exc is not None:
            self._fail(explain_to_server(self._protocol.handshake_exc))

    def _answer(self, request: Request) -> None:
        self.path = request.path
        self.url = f"ws://{', '.join(request.headers.get_all('Host'))}{request.path}"
        self._remote_headers = request.headers
        if self.refusal:
            response = self._protocol.reject(HTTPStatus.SERVICE_UNAVAILABLE, self.refusal + "\n")
            self._fail(self.refusal)
        else:
            response = self._protocol.accept(request)
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            for name, value in self._headers:
                response.headers[name] = value
            self._succeed()
        elif self._protocol.handshake_exc is not None:
            self._fail(explain_to_server(self._protocol.handshake_exc))
        self._protocol.send_response(response)

    def _agreed(self, extension: PerMessageDeflate, wanted: Deflate) -> Deflate:
        return replace(
            wanted,
            server_no_context_takeover=extension.local_no_context_takeover,
            client_no_context_takeover=extension.remote_no_context_takeover,
            server_max_window_bits=extension.local_max_window_bits,
            client_max_window_bits=extension.remote_max_window_bits,
        )


class ClientHandshake(Handshake):
    """The client's side: writes one request and reads the answer."""

    _protocol: ClientProtocol

    def __init__(
        self,
        url: str,
        subprotocols: Sequence[Subprotocol],
        headers: Sequence[tuple[str, str]],
        deflate: Deflate | None = None,
    ) -> None:
        uri = self.uri = parse_url(url)
        extensions = None if deflate is None else [_client_extension(deflate)]
        super().__init__(ClientProtocol(uri, subprotocols=subprotocols or None, extensions=extensions), deflate)
        self.path = uri.resource_name
        self.url = url
        self.retryable = True
        self._beginning = b""
        request = self._protocol.connect()
        request.headers["User-Agent"] = _USER_AGENT
        for name, value in headers:
            # What the user writes replaces ours (Host, User-Agent, Authorization); several of the user's own stay.
            if name.lower() in ("host", "user-agent", "authorization") and name in request.headers:
                del request.headers[name]
            request.headers[name] = value
        self._protocol.send_request(request)

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the server."""
        self._beginning += data[: _KEPT_BYTES - len(self._beginning)]
        head, rest = self._split_head(data)
        self._protocol.receive_data(head)
        if rest and not self._finished():
            # An answer other than 101 has a body, which tells why.
            self._protocol.receive_data(rest)
        if self._finished():
            self.leftover = rest
            self._conclude()

    def receive_eof(self) -> None:
        """The server closed the connection."""
        if not self.done:
            self._protocol.receive_eof()
            if self._protocol.events:
                self._conclude()  # It was the end of a body whose length was not told.
        super().receive_eof()

    def _finished(self) -> bool:
        return bool(self._protocol.events) or self._protocol.handshake_exc is not None

    def _conclude(self) -> None:
        for response in self._protocol.events_received():
            if isinstance(response, Response):
                self._remote_headers = response.headers
        error = self._protocol.handshake_exc
        if error is None:
            self._succeed()
            return
        self.retryable = is_retryable(error, self._beginning)
        self._fail(explain_to_client(error, self._beginning))

    def _agreed(self, extension: PerMessageDeflate, wanted: Deflate) -> Deflate:
        return replace(
            wanted,
            server_no_context_takeover=extension.remote_no_context_takeover,
            client_no_context_takeover=extension.local_no_context_takeover,
            server_max_window_bits=extension.remote_max_window_bits,
            client_max_window_bits=extension.local_max_window_bits,
        )


def _server_extension(wanted: Deflate) -> ServerPerMessageDeflateFactory:
    return ServerPerMessageDeflateFactory(
        wanted.server_no_context_takeover,
        wanted.client_no_context_takeover,
        _limited(wanted.server_max_window_bits),
        _limited(wanted.client_max_window_bits),
    )


def _client_extension(wanted: Deflate) -> ClientPerMessageDeflateFactory:
    # Without a limit of its own it lets the server set one (RFC 7692 section 7.1.2.2).
    return ClientPerMessageDeflateFactory(
        wanted.server_no_context_takeover,
        wanted.client_no_context_takeover,
        _limited(wanted.server_max_window_bits),
        _limited(wanted.client_max_window_bits) or True,
    )


def _limited(window_bits: int) -> int | None:
    """The largest window is what holds when nothing is said (RFC 7692 sections 7.1.2.1 and 7.1.2.2)."""
    return window_bits if window_bits < MAX_WINDOW_BITS else None
