"""The client: connects, delivers what the server sends, and connects again if it is told to."""

from __future__ import annotations

import logging
from collections.abc import Collection
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING

from .awaiting import AwaitableClient
from .connection.connection import Connection
from .connection.happenings import NotTried
from .connection.inbox import Sink
from .connection.intake import Intake
from .declare import checks
from .declare.errors import Error
from .declare.events import BoundEvent, event
from .declare.settings import setting
from .endpoint import Endpoint
from .features.client_session import ClientSession, ClientSessionSettings
from .features.clock import ClientClock, ClientClockSettings
from .features.moves import Moves
from .features.multiplayer import ClientMultiplayer, Plays
from .features.reconnect import Reconnect, ReconnectSettings
from .features.requests import RequestingClient
from .features.tls import ClientTlsSettings
from .loop.hub import hub
from .net import connector, descriptors
from .net.dialer import Dialer
from .net.proxy import ProxySettings
from .net.tls import ClientTls, TlsError, TlsOptions, tls_problem
from .pollable import Pollable
from .protocol.close_codes import GOING_AWAY, NORMAL_CLOSURE
from .protocol.handshake import (
    ClientHandshake,
    parse_headers,
    parse_subprotocols,
    redacted,
    socket_path,
    why_unanswered,
)
from .protocol.session import Layer, Welcome

if TYPE_CHECKING:
    from ssl import SSLContext

    from websockets.uri import WebSocketURI

_log = logging.getLogger("ws_python")
_OK = Error.OK


class ClientStatus(IntEnum):
    """What the client does."""

    STATUS_IDLE = 0
    STATUS_CONNECTING = 1
    STATUS_ACTIVE = 2
    STATUS_CLOSING = 3
    STATUS_RECONNECTING = 4


class WebSocketClient(
    Pollable,
    Endpoint,
    AwaitableClient,
    RequestingClient,
    ReconnectSettings,
    ClientSessionSettings,
    ClientClockSettings,
    ProxySettings,
    ClientTlsSettings,
    Plays,
):
    """A WebSocket client. Call connect_to_url(), then poll() once a frame, in which events are delivered.

    In asyncio's running loop, connect_to_url() is enough, and connected() and closed() may be awaited.
    Of other calls, connect_to_url() and close() emit `status_changed` before they return. connect_to_url() is answered
    by either `connected_to_server` or `connection_failed`; `connected_to_server` is followed by one
    `connection_closed`. A handler may call anything, also close(), connect_to_url() or poll(). Closed in
    `status_changed`, before `connected_to_server` could be told, it tells `connection_closed` only.
    """

    Status = ClientStatus
    FEATURES = (*Pollable.FEATURES, ClientSession, ClientClock, Moves, ClientMultiplayer)

    _session: ClientSession
    _moves: Moves

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
        "`delay` seconds, or sooner if the network comes back. `attempt` counts from 1, and anew when a connection "
        "has held for `reconnect_stable_time`.",
    )
    connection_interrupted = event(
        doc="The connection was cut, and the session goes on (see `session`): what is sent is kept, and the client "
        "connects again. Followed by `connection_resumed`, or by `connection_closed` where the session is over.",
    )
    connection_resumed = event(
        doc="The connection is back, and the session with it: what was on the way is delivered next.",
    )
    reconnected = event(
        doc="The connection was lost and came back by itself (see `auto_reconnect`): told after `connected_to_server`. "
        "For the server it is a new one, which knows nothing of the one before.",
    )
    status_changed = event(status=ClientStatus, doc="The client went on to another status.")

    url: str = setting("", doc="Where to connect to, like ws://localhost:8080/path: see connect_to_url().")
    autoconnect: bool = setting(
        False,
        doc="Connect to `url` by itself, in a running game, at the end of the frame in which the node became ready, if "
        "it is idle then and this was not set to false until then. Once: a node that leaves the tree and comes back "
        "does not connect again.",
    )
    auto_reconnect: bool = setting(
        False,
        doc="Connect again when the connection ended without close(), or could not be opened for a reason that may "
        "pass: a network error, a timeout, or an HTTP status 5xx, 408 or 429. What does not pass by itself ends it: "
        "another status, such as 401, 403 or 404, a certificate that is not valid, and what `reconnect_stop_codes` "
        "lists; so do `reconnect_max_attempts` and `reconnect_max_time`. Then the client is idle, and the reason of "
        "`connection_failed` says why, or, where a connection was open, a line in the log. A network that comes back, "
        "and a machine that wakes up, are tried at once. close() ends it in any case; switching this off counts from "
        "the next failure on.",
    )
    connect_timeout: float = setting(
        10.0,
        range=(0.1, 300.0),
        step=0.1,
        unit="s",
        group="Timeouts",
        doc="Seconds that connecting may take, from resolving the host name to the end of the opening handshake.",
    )

    def __init__(self) -> None:
        super().__init__()
        self._status: ClientStatus = ClientStatus.STATUS_IDLE
        # The URL that it connects to, again and again where it reconnects.
        self._target = ""
        self._reconnect = Reconnect(self, self._try_again)
        self._dialer = Dialer()
        # The `tls_options` that it was given with the URL, and what it connects with.
        self._target_tls_options: object = None
        self._target_tls: ClientTls | None = None
        # The connection whose failure is counted by its cause.
        self._counted: Connection | None = None

    # --- opening and closing

    def connect_to_url(self, url: str = "", tls_options: TlsOptions | SSLContext | None = None) -> Error:
        """Connect to a ws:// or wss:// URL, or to the property `url` if it is empty. Never blocks.

        Such a URL is ws://localhost:8080/path, or wss://example.com/ for TLS. `unix:/run/game.sock` connects to a Unix
        socket on this machine, and `unix:/run/game.sock:/path?query` requests a path there: it begins behind the first
        ":/". `wss+unix:` in place of `unix:` speaks TLS, `ws+unix:` is the same as `unix:`, and `unix:@name` is a
        socket without a file (Linux only). Nothing is decoded in the path of the socket, which is absolute; the
        server's host is "localhost" then. See `proxy` for ways through proxies.

        With wss://, `tls_options` say how, as in the engine's WebSocketPeer; null (None) for the property of that name,
        and otherwise the properties `tls_…`. By default the certificate must be of an authority that the system trusts,
        and for the host of the URL.

        Errors: ERR_ALREADY_IN_USE unless the client is idle, ERR_INVALID_PARAMETER for a bad URL, `proxy`, subprotocol
        or header, or for `tls_options` of a server; ERR_FILE_NOT_FOUND, ERR_FILE_NO_PERMISSION, ERR_FILE_CANT_OPEN,
        ERR_FILE_UNRECOGNIZED or ERR_FILE_CORRUPT for a certificate or key that cannot be used; ERR_UNAVAILABLE for
        wss:// if this Python cannot load TLS, for a host name beyond ASCII if it cannot load `idna`, on another thread
        than the main one, and while the node is being freed; ERR_CANT_CREATE if the system has nothing left for it,
        such as file descriptors. Each is explained in one line in the log. What goes wrong later is told by
        `connection_failed`.
        """
        if error := self._cannot_start("connect_to_url"):
            return error
        if self._status != ClientStatus.STATUS_IDLE:
            _log.error("connect_to_url: the client is in use; call close() and wait for connection_closed first")
            return Error.ERR_ALREADY_IN_USE
        url = url or self.url
        self._session.begin()
        try:
            handshake = self._new_handshake(url)
        except ValueError as problem:
            _log.error("connect_to_url: %s", problem)
            return Error.ERR_INVALID_PARAMETER
        except ImportError as problem:
            _log.error("connect_to_url: %s", problem)
            return Error.ERR_UNAVAILABLE
        if handshake.uri.secure and (missing := tls_problem()):
            _log.error(
                "connect_to_url: wss:// needs TLS, which this Python cannot load (%s); copy the whole addon folder "
                "again, or install OpenSSL, or use ws://",
                missing,
            )
            return Error.ERR_UNAVAILABLE
        try:
            hub.loop()
        except OSError as problem:
            _log.error("connect_to_url: %s", descriptors.explain(problem))
            return Error.ERR_CANT_CREATE
        self._target_tls_options, self._target_tls = tls_options, None
        if handshake.uri.secure:
            try:
                self._target_tls = self._client_tls(tls_options)
            except TlsError as problem:
                _log.error("connect_to_url: %s", problem)
                return problem.code
        self._target = url
        self._reconnect.stop()
        self._connects()
        self._joins_hub()
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
            cut = self._session.give_up()
            self._give_up(code, reason)
            self._set_status(ClientStatus.STATUS_IDLE)
            self._tell_session_over(cut)
        return _OK

    @property
    def status(self) -> ClientStatus:
        """What the client does: idle, connecting, active, closing, or reconnecting."""
        return self._status

    # --- delivering

    def _new_sink(self) -> Sink:
        return _EventSink(self.message_received)

    def _opened(self, connection: Connection) -> None:
        self._tell_opened(connection)
        if not self._session.is_interrupted:
            self._tell_connected(connection)
        elif connection.layer is not None:
            self._session.await_welcome(connection)
        else:
            self._go_on_anew(connection)

    def _tell_connected(self, connection: Connection) -> None:
        came_back = self._reconnect.opened()
        self._recovered()
        self._set_status(ClientStatus.STATUS_ACTIVE)
        if self._status == ClientStatus.STATUS_ACTIVE and connection is self._connection:
            self.connected_to_server.emit()
        if came_back and self._status == ClientStatus.STATUS_ACTIVE and connection is self._connection:
            self.reconnected.emit()

    # --- the session

    def _new_layer(self, connection: Connection) -> Layer:
        return self._session.new_layer(connection)

    def _welcomed(self, connection: Connection, welcome: Welcome) -> None:
        was_interrupted = self._session.is_interrupted
        if self._session.welcomed(connection, welcome):
            self._reconnect.opened()
            self._recovered()
            self._set_status(ClientStatus.STATUS_ACTIVE)
            if self._status == ClientStatus.STATUS_ACTIVE and connection is self._connection:
                self.connection_resumed.emit()
        elif was_interrupted:
            self._go_on_anew(connection)

    def _not_layered(self, connection: Connection) -> None:
        was_interrupted = self._session.is_interrupted
        self._session.refused(connection)
        self._session_ends(self, Error.ERR_UNAVAILABLE)
        if was_interrupted:
            self._go_on_anew(connection)

    def _go_on_anew(self, connection: Connection) -> None:
        """There is a connection again, without the session that was before."""
        cut, self._session.cut = self._session.cut, None
        self._tell_session_over(cut)
        if connection is self._connection and self._status == ClientStatus.STATUS_RECONNECTING:
            self._tell_connected(connection)

    def _tell_session_over(self, cut: Connection | None) -> None:
        if cut is None:
            return
        told_before, self._told = self._told, cut
        try:
            self._session_ends(self)
            self.connection_closed.emit()
        finally:
            self._told = told_before

    def _keeps_trying(self) -> bool:
        """Whether to connect again by itself."""
        return self.auto_reconnect or self._session.may_go_on

    # --- ends

    def _failed(self, connection: Connection, reason: str, retryable: bool) -> None:
        connection.finish()
        if self._session.is_hung_up_on(connection.handshake):
            self._try_again()
            return
        self._refusals[connection.handshake.status] += 1
        if connection is not self._counted:
            self._count(why_unanswered(connection.handshake))
        self._counted = None
        header = connection.handshake.header
        gave_up = self._reconnect.failed(may_pass=retryable, retry_after=header("Retry-After"), date=header("Date"))
        self._tell_failed(reason, gave_up)

    def _not_tried(self, reason: str) -> None:
        self._tell_failed(reason, self._reconnect.failed(may_pass=False))

    def _tell_failed(self, reason: str, gave_up: str) -> None:
        target = redacted(self._target)  # A handler of the status may connect to another one.
        self._met_error()
        wait = self._go_on()
        cut = None if wait else self._session.give_up()
        self.connection_failed.emit(f"{target}: {reason}; {gave_up}" if gave_up else f"{target}: {reason}")
        self._tell_session_over(cut)
        self._tell_reconnecting(wait)

    def _ponged(self, connection: Connection, payload: bytes) -> None:
        if not self._is_answer(connection, payload):
            self.pong_received.emit(payload)

    def _drained(self, connection: Connection) -> None:
        self.drained.emit()

    def _closed(self, connection: Connection) -> None:
        connection.finish()
        self._tell_closed(connection)
        was_interrupted = self._session.is_interrupted
        goes_on = self._session.outlives(connection)
        if self._status == ClientStatus.STATUS_ACTIVE or was_interrupted:
            if connection.close_code != NORMAL_CLOSURE:
                self._met_error()
            by_server = connection.codec is not None and connection.codec.close_received
            come_back_in = None
            if goes_on and (move := self._moves.taken(connection)) is not None:
                self._target, come_back_in = move.url or self._target, move.seconds
            if gave_up := self._reconnect.closed(connection.close_code, by_server=by_server, come_back_in=come_back_in):
                _log.warning("%s: the connection has ended; %s", redacted(self._target), gave_up)
        else:
            self._reconnect.stop()
        told_before, self._told = self._told, connection
        try:
            wait = self._go_on()
            if not goes_on:
                self._session_ends(self)
                self.connection_closed.emit()
            elif not wait:
                self._tell_session_over(self._session.give_up())
            elif not was_interrupted:
                self.connection_interrupted.emit()
        finally:
            self._told = told_before
        self._tell_reconnecting(wait)

    # --- connecting

    def _new_handshake(self, url: str) -> ClientHandshake:
        """What to say to the server, by the properties of this moment. Raises ValueError with what is wrong in them."""
        subprotocols = parse_subprotocols(self.supported_protocols)
        handshake = ClientHandshake(
            url,
            subprotocols,
            parse_headers(self.handshake_headers),
            self._deflate(),
            offers_layer=self._session.is_wanted,
        )
        uri = handshake.uri
        self._dialer = connector.dialer_to(
            uri.host, uri.port, secure=uri.secure, socket_path=socket_path(uri), proxy=self.proxy
        )
        return handshake

    def _start_connecting(self, handshake: ClientHandshake) -> None:
        self._events["connections_tried"] += 1
        uri = handshake.uri
        before = self._connection
        self._connection = connection = Connection(
            self,
            handshake,
            self._inbox,
            server=False,
            timeout=self.connect_timeout,
            timed_out=self._dialer.timed_out(uri.host, uri.port),
        )
        self._session.prepare(connection, before)
        connection.connecting = hub.start_task(self._connect(connection, uri, self._dialer))

    async def _connect(self, connection: Connection, uri: WebSocketURI, dialer: Dialer) -> None:
        failed = partial(self._count_cause, connection)
        try:
            tls = self._target_tls if uri.secure else None
            await connector.connect(
                connection.attach, uri.host, uri.port, tls=tls, dialer=dialer, carried=self._carried, failed=failed
            )
        except Exception as error:  # Whatever it is, the user waits for an answer.
            failed(connector.cause(error, secure=uri.secure))
            reason = connector.explain(error, uri.host, uri.port, secure=uri.secure, dialer=dialer)
            connection.fail(reason, connector.may_pass(error))

    def _count_cause(self, connection: Connection, cause: str) -> None:
        self._count(cause)
        self._counted = connection

    def _try_again(self) -> None:
        try:
            handshake = self._new_handshake(self._target)
        except (ValueError, ImportError) as error:
            # The properties were changed since the last attempt, whose connection this is told for.
            assert self._connection is not None
            self._connection.intake.put([NotTried(str(error))], 0)
            return
        if handshake.uri.secure:
            self._target_tls = self._renewed_tls(self._target_tls_options, self._target_tls)
            if self._target_tls is None:  # It was moved here from a server without TLS.
                assert self._connection is not None
                self._connection.intake.put([NotTried("tls_options cannot be used, see the log")], 0)
                return
        self._start_connecting(handshake)

    def _go_on(self) -> int:
        """After the end of a connection or an attempt: idle, or waiting for the next one. The number of the wait."""
        wait = self._reconnect.wait
        if not wait:
            hub.not_at_close(self._end)
            self._gave_up()
        self._set_status(ClientStatus.STATUS_RECONNECTING if wait else ClientStatus.STATUS_IDLE)
        return wait

    def _tell_reconnecting(self, wait: int) -> None:
        # A handler may have called close() in the meantime.
        if wait and wait == self._reconnect.wait:
            self.reconnecting.emit(self._reconnect.attempt, self._reconnect.seconds_left)

    def _give_up(self, code: int, reason: str) -> None:
        """Leave whatever connection or attempt there is to itself; nothing more is delivered from it."""
        hub.not_at_close(self._end)
        self._session.forget()
        self._reconnect.stop()
        self._has_error = False
        self._gave_up()
        if self._connection is not None:
            self._connection.abandon(code, reason)
            self._tell_closed(self._connection)

    def _end(self) -> None:
        """Say goodbye without a word to the user, who is going away."""
        self._give_up(GOING_AWAY, "")
        self._session_ends(self)
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
