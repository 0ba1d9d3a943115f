"""The server's side of the opening handshake (RFC 6455 section 4.2): reads one request, and answers it.

reading → request_read → accept() or refuse() → done. A request that is read is well-formed HTTP/1.1; that it asks for
a WebSocket, as it should, is seen by accept().
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from websockets.exceptions import (
    InvalidHandshake,
    InvalidHeader,
    InvalidMethod,
    InvalidUpgrade,
)
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from .deflate import Deflate
from .handshake_base import SILENT, Handshake, limited
from .handshake_errors import TLS_REQUEST, describe, explain_malformed_request, explain_refused_request, phrase_of
from .http_head import MAX_HEAD, HeadError, HeadReader, parse_request
from .request_line import Target, check_host, parse_request_line
from .session import SUBPROTOCOL

# How a TLS client begins: a record of the type handshake, and the major version of all TLS (RFC 8446 section 5.1).
_TLS_HELLO = b"\x16\x03"
# What it understands as an answer: the alert protocol_version, fatal, in a record of TLS 1.2 (section 6).
_TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x46"
# RFC 9110 section 15.5.22: what to upgrade to. Section 7.8: who sends Upgrade lists it in Connection, too.
_UPGRADE = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
# It makes answers, and keeps nothing of them: to be made for each who is refused, it takes longer than the answer.
_REFUSING = ServerProtocol(logger=SILENT)
# For a person who opened it in a browser, or looks at what a proxy gets.
_NO_PAGE = (
    "This is a WebSocket server, not a web page. You need a WebSocket client, and a URL that begins with ws:// or "
    "wss://. A proxy in between has to speak HTTP/1.1 and pass on Upgrade and Connection."
)


class ServerHandshake(Handshake):
    """The server's side: reads one request and answers it."""

    __slots__ = (
        "_headers",
        "_line_is_good",
        "_origin",
        "_subprotocols",
        "_takes_layer",
        "_target",
        "answers_at_once",
        "is_improper",
        "is_secure",
        "request",
    )

    def __init__(
        self,
        subprotocols: Sequence[Subprotocol],
        headers: Sequence[tuple[str, str]],
        deflate: Deflate | None = None,
        *,
        takes_layer: bool = False,
    ) -> None:
        super().__init__(deflate)
        self._subprotocols = subprotocols
        self._takes_layer = takes_layer
        self._headers = headers
        #: Cleared by an owner that calls accept() or refuse() itself, as soon as `request_read`, or later.
        self.answers_at_once = True
        #: Whether it was refused because the request is none that can be accepted, and not by its owner.
        self.is_improper = False
        #: Set by an owner whose connection is TLS: the URL is a wss:// one.
        self.is_secure = False
        #: The request while it is read and not answered.
        self.request: Request | None = None
        self._target: Target | None = None
        self._origin = ""

    @property
    def request_read(self) -> bool:
        """Whether the request is there, well-formed, and waits for accept() or refuse()."""
        return self.request is not None

    @property
    def url(self) -> str:
        """The whole URL that the client requested; "" until the request is read."""
        return self._origin + self.path

    @property
    def site(self) -> str:
        """Scheme, host and port of that URL: what the client takes this server for."""
        return self._origin

    def facts(self) -> dict[str, str]:
        """What can be asked for of one that has succeeded, for another process to know it."""
        fields = self._fields.decode("latin-1")
        return {"path": self.path, "site": self._origin, "fields": fields, "subprotocol": self.subprotocol}

    @classmethod
    def of_facts(cls, facts: dict[str, str]) -> ServerHandshake:
        """One that has succeeded in another process. What the facts lack is empty."""
        handshake = cls((), ())
        handshake.path, handshake._origin = facts.get("path", ""), facts.get("site", "")
        handshake._fields = facts.get("fields", "").encode("latin-1", "replace")
        handshake.status, handshake.has_layer = HTTPStatus.SWITCHING_PROTOCOLS.value, True
        handshake.subprotocol, handshake.done = facts.get("subprotocol", ""), True
        handshake._let_go()
        return handshake

    def requested_by(self, scheme: str) -> None:
        """A proxy tells what the client has used: "ws" or "wss"."""
        self._origin = scheme + self._origin[self._origin.index(":") :]

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the client, at most 16 KiB a call."""
        if self.done:
            return
        try:
            if self._reader is None:
                self._receive_more(data)
            else:
                self._receive_head(self._reader, data)
        except HeadError as error:
            self._refuse_malformed(error)

    def receive_eof(self) -> None:
        """The client closed the connection, or its half of it."""
        self.request = None
        super().receive_eof()

    def accept(self) -> None:
        """Answer the request that was read: with 101 if it is a proper handshake, else with the status that is due."""
        request = self.request
        if request is None or self.done:
            return  # The client has gone, is answered, or was given up.
        extensions = None if self._wanted_deflate is None else [_extension(self._wanted_deflate)]
        subprotocols = (self._layered(request) if self._takes_layer else None) or self._subprotocols
        protocol = ServerProtocol(subprotocols=subprotocols or None, extensions=extensions, logger=SILENT)
        response = protocol.accept(request)
        protocol.parser.close()  # Or both would live until the garbage collector comes by, which we put off.
        if protocol.handshake_exc is not None:
            _forget_frames(protocol.handshake_exc)
            self._refuse_improper(request, protocol.handshake_exc)
            return
        for name, value in self._headers:
            response.headers[name] = value
        self.status = response.status_code
        self._outgoing += response.serialize()
        self._succeed(protocol.subprotocol, protocol.extensions)

    def _layered(self, request: Request) -> Sequence[Subprotocol]:
        """What to choose from with the session layer, where the client offers it with a subprotocol of ours."""
        offered = {
            name.strip() for field in request.headers.get_all("Sec-WebSocket-Protocol") for name in field.split(",")
        }
        ours = [f"{name}+{SUBPROTOCOL}" for name in self._subprotocols] or [SUBPROTOCOL]
        return [Subprotocol(name) for name in ours if name in offered]

    def select(self, subprotocol: str) -> bool:
        """Have accept() choose this subprotocol, one that the client offers. Whether it is not too late for that."""
        if self.request is None or self.done:
            return False
        self._subprotocols = [Subprotocol(subprotocol)]
        return True

    def refuse(self, status: int, text: str, headers: Sequence[tuple[str, str]] = (), error: str = "") -> None:
        """Answer with an HTTP error: `text` is its body, for the client; `error`, or else `text`, is for our user."""
        if self.done:
            return  # The client has gone, is answered, or was given up.
        response = _REFUSING.reject(HTTPStatus.FORBIDDEN, text + "\n")
        response.status_code, response.reason_phrase = int(status), phrase_of(status)
        if status == HTTPStatus.NOT_MODIFIED:  # RFC 9110 section 15.4.5: it has no content.
            response.body = b""
            del response.headers["Content-Length"], response.headers["Content-Type"]
        for name, value in headers:
            response.headers[name] = value
        if self._target is not None and self._target.method == "HEAD":
            response.body = b""  # RFC 9110 section 9.3.2
        self.status = response.status_code
        self._outgoing += response.serialize()
        self.leftover = b""
        self._fail(error or text)

    def _receive_head(self, reader: HeadReader, data: bytes) -> None:
        # The first line is judged as soon as it is there, and before what follows: wherever the request is cut, and
        # though what does not speak HTTP may wait for us after it.
        flaw = None
        try:
            head = reader.feed(data)
        except HeadError as error:
            head, flaw = None, error.with_traceback(None)  # Which holds this frame, which holds the error.
        if reader.beginning(len(_TLS_HELLO)) == _TLS_HELLO:
            self._outgoing += _TLS_ALERT
            self._fail(TLS_REQUEST)
            return
        if self._target is None and (line := reader.first_line()) is not None:
            self._target = parse_request_line(line)
        if flaw is not None:
            self._refuse_malformed(flaw)
            return
        if head is not None:
            self._read(head, reader.leftover)

    def _receive_more(self, data: bytes) -> None:
        """What comes while the answer waits. The owner may leave it in the socket; a client should wait for us."""
        if len(self.leftover) + len(data) > MAX_HEAD:
            raise HeadError(HTTPStatus.BAD_REQUEST, f"more than {MAX_HEAD} bytes behind the request")
        self.leftover += data

    def _read(self, head: bytes, leftover: bytes) -> None:
        target = self._target
        assert target is not None  # A head has a first line.
        request = parse_request(head)
        host = check_host(request.headers.get_all("Host"))
        # RFC 9112 section 3.2.2: what the absolute form says replaces Host.
        self._origin = target.origin or f"{'wss' if self.is_secure else 'ws'}://{host}"
        self.path = request.path = target.path
        self._keep_fields(head)
        self.leftover = leftover
        self._reader = None
        self.request = request
        if self.answers_at_once:
            self.accept()

    def _refuse_malformed(self, error: HeadError) -> None:
        headers: Sequence[tuple[str, str]] = ()
        if error.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers = (("Allow", "GET"),)
        explained = explain_malformed_request(error)
        self.is_improper = True
        self.refuse(error.status, f"Failed to open a WebSocket connection: {error}.", headers, error=explained)

    def _refuse_improper(self, request: Request, error: Exception) -> None:
        """RFC 6455 section 4.2.2: the status that is due where `websockets` does not accept a request."""
        status = HTTPStatus.BAD_REQUEST
        text = f"Failed to open a WebSocket connection: {describe(error)}."
        headers: Sequence[tuple[str, str]] = ()
        if isinstance(error, InvalidMethod):
            status, headers = HTTPStatus.METHOD_NOT_ALLOWED, (("Allow", "GET"),)
        elif isinstance(error, InvalidUpgrade):
            status, text, headers = HTTPStatus.UPGRADE_REQUIRED, _NO_PAGE, _UPGRADE
        elif _is_of_another_version(request, error):
            # Section 4.4.
            status, headers = HTTPStatus.UPGRADE_REQUIRED, (*_UPGRADE, ("Sec-WebSocket-Version", "13"))
        elif not isinstance(error, InvalidHandshake):
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        self.is_improper = True
        self.refuse(status, text, headers, error=explain_refused_request(error))

    def _agreed(self, extension: PerMessageDeflate, wanted: Deflate) -> Deflate:
        return replace(
            wanted,
            server_no_context_takeover=extension.local_no_context_takeover,
            client_no_context_takeover=extension.remote_no_context_takeover,
            server_max_window_bits=extension.local_max_window_bits,
            client_max_window_bits=extension.remote_max_window_bits,
        )

    def _let_go(self) -> None:
        super()._let_go()
        self._target = None
        self.request = None
        self._subprotocols = ()
        self._headers = ()


def _is_of_another_version(request: Request, error: Exception) -> bool:
    # The key is looked at before the version, and some older versions have none.
    of_websocket = isinstance(error, InvalidHeader) and error.name.startswith("Sec-WebSocket-")
    return of_websocket and request.headers.get_all("Sec-WebSocket-Version") != ["13"]


def _extension(wanted: Deflate) -> ServerPerMessageDeflateFactory:
    return ServerPerMessageDeflateFactory(
        wanted.server_no_context_takeover,
        wanted.client_no_context_takeover,
        limited(wanted.server_max_window_bits),
        limited(wanted.client_max_window_bits),
    )


def _forget_frames(error: BaseException | None) -> None:
    """Of an error and what it comes from: its frames hold the request and its protocol, which hold the error."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
