"""The client: connects, delivers what the server sends, and connects again if it is told to."""

from __future__ import annotations

import asyncio
import logging
import random
from enum import IntEnum
from typing import TYPE_CHECKING

from . import connector, messages, pump
from .close_codes import GOING_AWAY, NORMAL_CLOSURE
from .connection import Connection, Failed, Opened
from .endpoint import Endpoint
from .errors import Error
from .events import BoundEvent, event
from .inbox import Intake, Sink
from .polled import Polled
from .protocol.codec import Closed, Pong
from .protocol.handshake import ClientHandshake, parse_headers, parse_subprotocols
from .settings import setting
from .writers import writers

if TYPE_CHECKING:
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


class WebSocketClient(Polled, Endpoint):
    """A WebSocket client. Call connect_to_url(), then poll() once a frame: events are delivered in poll() only.

    connect_to_url() is answered by either `connected_to_server` or `connection_failed`; `connected_to_server` is
    followed by one `connection_closed`. A handler may call anything, also close(), connect_to_url() or poll(). Closed
    in `status_changed`, before `connected_to_server` could be told, it tells `connection_closed` only.
    """

    Status = ClientStatus

    connected_to_server = event(doc="The connection is open: messages can be sent.")
    connection_failed = event(
        reason=str, doc="The connection could not be opened; `reason` says in one line why, and what to do."
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
        "pass: a network error, a timeout, or an HTTP status 5xx.",
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
        self._attempt = 0
        self._connecting: asyncio.Task[None] | None = None
        self._reconnect_timer: asyncio.TimerHandle | None = None

    # --- opening and closing

    def connect_to_url(self, url: str = "") -> Error:
        """Connect to a ws:// or wss:// URL, or to the property `url` if it is empty. Never blocks.

        Errors: ERR_ALREADY_IN_USE unless the client is idle, ERR_INVALID_PARAMETER for a bad URL, subprotocol or
        header, ERR_UNAVAILABLE for wss:// if this Python cannot load TLS. Each is explained in one line in the log.
        What goes wrong later is told by `connection_failed`.
        """
        if self._status != ClientStatus.STATUS_IDLE:
            _log.error("connect_to_url: the client is in use; call close() and wait for connection_closed first")
            return Error.ERR_ALREADY_IN_USE
        url = url or self.url
        try:
            handshake = self._new_handshake(url)
        except ValueError as error:
            _log.error("connect_to_url: %s", error)
            return Error.ERR_INVALID_PARAMETER
        if handshake.uri.secure and (problem := connector.tls_problem()):
            _log.error(
                "connect_to_url: wss:// needs TLS, which this Python cannot load (%s); install OpenSSL, or use ws://",
                problem,
            )
            return Error.ERR_UNAVAILABLE
        self._target = url
        self._attempt = 0
        pump.at_close(self._end)
        self._start_connecting(handshake)
        self._set_status(ClientStatus.STATUS_CONNECTING)
        return _OK

    def close(self, code: int = NORMAL_CLOSURE, reason: str = "") -> Error:
        """Close the connection with a closing handshake; `connection_closed` follows within `close_timeout`.

        A connection that is not open yet is given up at once: the client is idle and no event but `status_changed`
        follows. An idle client stays idle. There is no reconnecting after close().

        `code` is 1000 (done), 1001 (going away), another code that RFC 6455 lets applications send, or one of your own
        from 3000 to 4999; `reason` has at most 123 bytes of UTF-8; otherwise ERR_INVALID_PARAMETER.
        """
        error = messages.check_close(code, reason)
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

    def _deliver_other(self, connection: Connection, item: object) -> None:
        if isinstance(item, Opened):
            self._attempt = 0
            self._set_status(ClientStatus.STATUS_ACTIVE)
            if self._status == ClientStatus.STATUS_ACTIVE:
                self.connected_to_server.emit()
        elif isinstance(item, Closed):
            connection.finish()
            retry = self.auto_reconnect and self._status == ClientStatus.STATUS_ACTIVE
            timer = self._go_on(retry)
            self.connection_closed.emit()
            self._tell_reconnecting(timer)
        elif isinstance(item, Failed):
            timer = self._go_on(self.auto_reconnect and item.retryable)
            self.connection_failed.emit(f"{self._target}: {item.reason}")
            self._tell_reconnecting(timer)
        elif isinstance(item, Pong):
            self.pong_received.emit(item.payload)

    # --- connecting

    def _new_handshake(self, url: str) -> ClientHandshake:
        """What to say to the server, by the properties of this moment. Raises ValueError with what is wrong in them."""
        subprotocols = parse_subprotocols(self.supported_protocols)
        return ClientHandshake(url, subprotocols, parse_headers(self.handshake_headers), self._deflate())

    def _start_connecting(self, handshake: ClientHandshake) -> None:
        deadline = pump.loop().time() + self.connect_timeout
        self._connection = Connection(handshake, self._inbox, self._limits(), deadline)
        self._connecting = pump.start_task(self._connect(self._connection, handshake.uri, deadline))

    async def _connect(self, connection: Connection, uri: WebSocketURI, deadline: float) -> None:
        try:
            await connector.connect(lambda: connection, uri.host, uri.port, secure=uri.secure, deadline=deadline)
        except Exception as error:  # Whatever it is, the user waits for an answer.
            reason = connector.explain(error, uri.host, uri.port, secure=uri.secure)
            connection.fail(reason, retryable=connector.may_pass(error))

    def _reconnect(self) -> None:
        self._reconnect_timer = None
        try:
            handshake = self._new_handshake(self._target)
        except ValueError as error:
            # The properties were changed since the last attempt, whose connection this is told for.
            assert self._inbox.source is not None
            self._inbox.put(self._inbox.source, [Failed(str(error), retryable=False)], 0)
        else:
            self._start_connecting(handshake)

    def _go_on(self, retry: bool) -> asyncio.TimerHandle | None:
        """After the end of a connection or an attempt: idle, or the timer of the next attempt."""
        if not retry:
            pump.not_at_close(self._end)
            self._set_status(ClientStatus.STATUS_IDLE)
            return None
        self._attempt += 1
        timer = pump.loop().call_later(self._next_delay(), self._reconnect)
        self._reconnect_timer = timer
        self._set_status(ClientStatus.STATUS_RECONNECTING)
        return timer

    def _next_delay(self) -> float:
        doublings = min(self._attempt - 1, 32)
        delay = min(self.reconnect_delay * 2.0**doublings, self.reconnect_delay_max)
        return delay * random.uniform(_LEAST_JITTER, 1.0)

    def _tell_reconnecting(self, timer: asyncio.TimerHandle | None) -> None:
        # A handler may have called close() in the meantime.
        if timer is not None and timer is self._reconnect_timer:
            self.reconnecting.emit(self._attempt, max(0.0, timer.when() - pump.loop().time()))

    def _give_up(self, code: int, reason: str) -> None:
        """Leave whatever connection or attempt there is to itself; nothing more is delivered from it."""
        pump.not_at_close(self._end)
        if self._reconnect_timer is not None:
            self._reconnect_timer.cancel()
            self._reconnect_timer = None
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._connection is not None:
            self._connection.abandon(code, reason)
        self._inbox.clear()

    def _end(self) -> None:
        """Say goodbye without a word to the user, who is going away."""
        self._give_up(GOING_AWAY, "")
        self._status = ClientStatus.STATUS_IDLE
        writers.flush()

    def _explain_unsent(self, method: str) -> None:
        if self._status not in (ClientStatus.STATUS_ACTIVE, ClientStatus.STATUS_CLOSING):
            _log.error("%s: not connected; call connect_to_url() and wait for connected_to_server", method)


class _EventSink(Sink):
    """Messages as events of the client."""

    def __init__(self, message_received: BoundEvent) -> None:
        self._emit = message_received.emit

    def message(self, source: Intake, message: str | bytes) -> None:
        self._emit(message)
