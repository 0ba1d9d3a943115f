"""The client: connects, delivers what the server sends, and connects again if it is told to."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection
from enum import IntEnum
from typing import TYPE_CHECKING

from .connection.connection import Connection
from .connection.happenings import NotTried
from .connection.inbox import Sink
from .connection.intake import Intake
from .declare import checks
from .declare.errors import Error
from .declare.events import BoundEvent, event
from .declare.settings import setting
from .endpoint import Endpoint
from .features.tls import ClientTlsSettings
from .loop.deadlines import Deadline
from .loop.hub import hub
from .net import connector
from .net.tls import ClientTls, TlsError, TlsOptions, tls_problem
from .pollable import Pollable
from .protocol.close_codes import GOING_AWAY, NORMAL_CLOSURE
from .protocol.handshake import ClientHandshake, parse_headers, parse_subprotocols, redacted

if TYPE_CHECKING:
    from ssl import SSLContext

    from websockets.uri import WebSocketURI

_log = logging.getLogger("ws_python")
_OK = Error.OK

# Each wait is a random part of the delay, from this share to all of it, lest all clients of a server that restarted
# come back in the same moment.
_LEAST_JITTER = 0.5


class ClientStatus(IntEnum):
    """What the client does."""

    STATUS_IDLE = 0
    STATUS_CONNECTING = 1
    STATUS_ACTIVE = 2
    STATUS_CLOSING = 3
    STATUS_RECONNECTING = 4


class WebSocketClient(Pollable, Endpoint, ClientTlsSettings):
    """A WebSocket client. Call connect_to_url(), then poll() once a frame, in which events are delivered.

    Of other calls, connect_to_url() and close() emit `status_changed` before they return. connect_to_url() is answered
    by either `connected_to_server` or `connection_failed`; `connected_to_server` is followed by one
    `connection_closed`. A handler may call anything, also close(), connect_to_url() or poll(). Closed in
    `status_changed`, before `connected_to_server` could be told, it tells `connection_closed` only.
    """

    Status = ClientStatus

    connected_to_server = event(doc="The connection is open: messages can be sent.")
    connection_failed = event(
        reason=str,
        doc="The connection could not be opened; `reason` says in one line to which URL (without its secrets), why, "
        "and what to do.",
    )
    reconnecting = event(
        attempt=int,
        delay=float,
        doc="The connection was lost or could not be opened, and `auto_reconnect` is on: the client tries again in "
        "`delay` seconds. `attempt` counts from 1 and starts again when the connection is open.",
    )
    status_changed = event(status=ClientStatus, doc="The client went on to another status.")

    url: str = setting("", doc="Where to connect to, like ws://localhost:8080/path, or wss:// for TLS.")
    autoconnect: bool = setting(
        False,
        doc="Connect to `url` by itself, in a running game, at the end of the frame in which the node became ready, if "
        "it is idle then and this was not set to false until then. Once: a node that leaves the tree and comes back "
        "does not connect again.",
    )
    auto_reconnect: bool = setting(
        False,
        doc="Connect again when the connection ended without close(), or could not be opened for a reason that may "
        "pass: a network error, a timeout, or an HTTP status 5xx, 408 or 429.",
    )
    connect_timeout: float = setting(
        10.0,
        range=(0.1, 300.0),
        step=0.1,
        unit="s",
        group="Timeouts",
        doc="Seconds that connecting may take, from resolving the host name to the end of the opening handshake.",
    )
    reconnect_delay: float = setting(
        1.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Reconnect",
        doc="Seconds before the first attempt to connect again. Each further wait is twice as long; half of it or "
        "more is random.",
    )
    reconnect_delay_max: float = setting(
        30.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Reconnect",
        doc="The longest wait between two attempts to connect again, in seconds.",
    )

    def __init__(self) -> None:
        super().__init__()
        self._status: ClientStatus = ClientStatus.STATUS_IDLE
        # The URL that it connects to, again and again where it reconnects.
        self._target = ""
        # The `tls_options` that it was given with the URL, and what it connects with.
        self._target_tls_options: object = None
        self._target_tls: ClientTls | None = None
        self._attempt = 0
        self._next_attempt: Deadline | None = None

    # --- opening and closing

    def connect_to_url(self, url: str = "", tls_options: TlsOptions | SSLContext | None = None) -> Error:
        """Connect to a ws:// or wss:// URL, or to the property `url` if it is empty. Never blocks.

        With wss://, `tls_options` say how, as in the engine's WebSocketPeer; null (None) for the property of that name,
        and otherwise the properties `tls_…`. By default the certificate must be of an authority that the system trusts,
        and for the host of the URL.

        Errors: ERR_ALREADY_IN_USE unless the client is idle, ERR_INVALID_PARAMETER for a bad URL, subprotocol or
        header, or for `tls_options` of a server; ERR_FILE_NOT_FOUND, ERR_FILE_NO_PERMISSION, ERR_FILE_CANT_OPEN,
        ERR_FILE_UNRECOGNIZED or ERR_FILE_CORRUPT for a certificate or key that cannot be used; ERR_UNAVAILABLE for
        wss:// if this Python cannot load TLS, on another thread than the main one, and while the node is being freed.
        Each is explained in one line in the log. What goes wrong later is told by
        `connection_failed`.
        """
        if error := self._cannot_start("connect_to_url"):
            return error
        if self._status != ClientStatus.STATUS_IDLE:
            _log.error("connect_to_url: the client is in use; call close() and wait for connection_closed first")
            return Error.ERR_ALREADY_IN_USE
        url = url or self.url
        try:
            handshake = self._new_handshake(url)
        except ValueError as problem:
            _log.error("connect_to_url: %s", problem)
            return Error.ERR_INVALID_PARAMETER
        if handshake.uri.secure and (missing := tls_problem()):
            _log.error(
                "connect_to_url: wss:// needs TLS, which this Python cannot load (%s); install OpenSSL, or use ws://",
                missing,
            )
            return Error.ERR_UNAVAILABLE
        self._target_tls_options, self._target_tls = tls_options, None
        if handshake.uri.secure:
            try:
                self._target_tls = self._client_tls(tls_options)
            except TlsError as problem:
                _log.error("connect_to_url: %s", problem)
                return problem.code
        self._target = url
        self._attempt = 0
        hub.at_close(self._end)
        self._start_connecting(handshake)
        self._set_status(ClientStatus.STATUS_CONNECTING)
        return _OK

    def close(self, code: int = NORMAL_CLOSURE, reason: str = "") -> Error:
        """Close the connection with a closing handshake; `connection_closed` follows within `close_timeout`.

        A connection that is not open yet is given up at once: the client is idle and no event but `status_changed`
        follows. An idle client stays idle. There is no reconnecting after close(). What was sent before still leaves.

        `code` is 1000 (done), 1001 (going away), another code that RFC 6455 section 7.4 lets applications send, or one
        of your own from 3000 to 4999; `reason` has at most 123 bytes of UTF-8. Errors: ERR_INVALID_PARAMETER otherwise,
        ERR_UNAVAILABLE on another thread than the main one.
        """
        if hub.refuses("close"):
            return Error.ERR_UNAVAILABLE
        error = checks.check_close(code, reason)
        if error:
            return error
        if self._status == ClientStatus.STATUS_ACTIVE and self._connection is not None:
            self._connection.close(code, reason)
            self._set_status(ClientStatus.STATUS_CLOSING)
        elif self._status in (ClientStatus.STATUS_CONNECTING, ClientStatus.STATUS_RECONNECTING):
            self._give_up(code, reason)
            self._set_status(ClientStatus.STATUS_IDLE)
        return _OK

    @property
    def status(self) -> ClientStatus:
        """What the client does: idle, connecting, active, closing, or reconnecting."""
        return self._status

    # --- delivering

    def _new_sink(self) -> Sink:
        return _EventSink(self.message_received)

    def _opened(self, connection: Connection) -> None:
        self._attempt = 0
        self._tell_opened(connection)
        self._set_status(ClientStatus.STATUS_ACTIVE)
        if self._status == ClientStatus.STATUS_ACTIVE and connection is self._connection:
            self.connected_to_server.emit()

    def _failed(self, connection: Connection, reason: str, retryable: bool) -> None:
        connection.finish()
        self._tell_failed(reason, retry=self.auto_reconnect and retryable)

    def _not_tried(self, reason: str) -> None:
        self._tell_failed(reason, retry=False)

    def _tell_failed(self, reason: str, *, retry: bool) -> None:
        target = redacted(self._target)  # A handler of the status may connect to another one.
        next_attempt = self._go_on(retry)
        self.connection_failed.emit(f"{target}: {reason}")
        self._tell_reconnecting(next_attempt)

    def _ponged(self, connection: Connection, payload: bytes) -> None:
        if not self._is_answer(connection, payload):
            self.pong_received.emit(payload)

    def _closed(self, connection: Connection) -> None:
        connection.finish()
        self._tell_closed(connection)
        told_before, self._told = self._told, connection
        try:
            retry = self.auto_reconnect and self._status == ClientStatus.STATUS_ACTIVE
            next_attempt = self._go_on(retry)
            self.connection_closed.emit()
        finally:
            self._told = told_before
        self._tell_reconnecting(next_attempt)

    # --- connecting

    def _new_handshake(self, url: str) -> ClientHandshake:
        """What to say to the server, by the properties of this moment. Raises ValueError with what is wrong in them."""
        subprotocols = parse_subprotocols(self.supported_protocols)
        return ClientHandshake(url, subprotocols, parse_headers(self.handshake_headers), self._deflate())

    def _start_connecting(self, handshake: ClientHandshake) -> None:
        uri = handshake.uri
        self._connection = connection = Connection(
            self,
            handshake,
            self._inbox,
            server=False,
            timeout=self.connect_timeout,
            timed_out=connector.timed_out(uri.host, uri.port),
        )
        connection.connecting = hub.start_task(self._connect(connection, uri))

    async def _connect(self, connection: Connection, uri: WebSocketURI) -> None:
        try:
            tls = self._target_tls if uri.secure else None
            await connector.connect(connection.attach, uri.host, uri.port, tls=tls)
        except Exception as error:  # Whatever it is, the user waits for an answer.
            reason = connector.explain(error, uri.host, uri.port, secure=uri.secure)
            connection.fail(reason, connector.may_pass(error))

    def _reconnect(self) -> None:
        self._next_attempt = None
        try:
            handshake = self._new_handshake(self._target)
        except ValueError as error:
            # The properties were changed since the last attempt, whose connection this is told for.
            assert self._connection is not None
            self._connection.intake.put([NotTried(str(error))], 0)
            return
        if handshake.uri.secure:
            self._target_tls = self._renewed_tls(self._target_tls_options, self._target_tls)
        self._start_connecting(handshake)

    def _go_on(self, retry: bool) -> Deadline | None:
        """After the end of a connection or an attempt: idle, or when the next attempt begins."""
        if not retry:
            hub.not_at_close(self._end)
            self._set_status(ClientStatus.STATUS_IDLE)
            return None
        self._attempt += 1
        next_attempt = self._next_attempt = hub.deadlines.after(self._next_delay(), self._reconnect)
        self._set_status(ClientStatus.STATUS_RECONNECTING)
        return next_attempt

    def _next_delay(self) -> float:
        doublings = min(self._attempt - 1, 32)
        delay = min(self.reconnect_delay * 2.0**doublings, self.reconnect_delay_max)
        return delay * random.uniform(_LEAST_JITTER, 1.0)

    def _tell_reconnecting(self, next_attempt: Deadline | None) -> None:
        # A handler may have called close() in the meantime.
        if next_attempt is not None and next_attempt is self._next_attempt:
            self.reconnecting.emit(self._attempt, max(0.0, next_attempt.when - hub.deadlines.now))

    def _give_up(self, code: int, reason: str) -> None:
        """Leave whatever connection or attempt there is to itself; nothing more is delivered from it."""
        hub.not_at_close(self._end)
        if self._next_attempt is not None:
            self._next_attempt.cancel()
            self._next_attempt = None
        if self._connection is not None:
            self._connection.abandon(code, reason)
            self._tell_closed(self._connection)

    def _end(self) -> None:
        """Say goodbye without a word to the user, who is going away."""
        self._give_up(GOING_AWAY, "")
        self._status = ClientStatus.STATUS_IDLE
        hub.writers.flush()

    def _open_connections(self) -> Collection[Connection]:
        return () if self._connection is None else (self._connection,)

    def _explain_unsent(self, method: str) -> None:
        if self._status not in (ClientStatus.STATUS_ACTIVE, ClientStatus.STATUS_CLOSING):
            _log.error("%s: not connected; call connect_to_url() and wait for connected_to_server", method)


class _EventSink(Sink):
    """Messages as events of the client."""

    def __init__(self, message_received: BoundEvent) -> None:
        self._emit = message_received.emit

    def message(self, source: Intake, message: str | bytes) -> None:
        self._emit(message)
