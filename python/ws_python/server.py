"""The server: listens, shakes hands, owns one peer per connection, and delivers what they send."""

from __future__ import annotations

import logging
import random
from enum import IntEnum
from types import MappingProxyType

from . import messages, pump
from .close_codes import GOING_AWAY, NORMAL_CLOSURE
from .connection import Connection, Failed, Opened
from .errors import Error, explain_bind_error
from .events import BoundEvent, event
from .inbox import Intake, PeerSink, Sink
from .listener import Listener, is_valid_address
from .peer import WebSocketPeer
from .peers import Peers
from .polled import Polled
from .protocol.codec import Closed, Pong
from .protocol.handshake import ServerHandshake, parse_headers, parse_subprotocols
from .protocol.prepared import PreparedMessage
from .settings import setting
from .writers import writers

_log = logging.getLogger("ws_python")
_OK = Error.OK

# 1 is the server itself in Godot's multiplayer, 0 means everybody.
_FIRST_PEER_ID = 2
_LAST_PEER_ID = 2**31 - 1
_MAX_PORT = 65535


class ServerStatus(IntEnum):
    """What the server does."""

    STATUS_IDLE = 0
    STATUS_ACTIVE = 1


class WebSocketServer(Polled):
    """A WebSocket server. Call listen(), then poll() once a frame: events are delivered in poll() only.

    Every connection is a peer with a number, announced by `client_connected` and taken back by `client_disconnected`,
    once each. A handler may call anything, also stop(), poll(), or close the connection it was called for.
    """

    Status = ServerStatus

    client_connected = event(peer_id=int, doc="A client connected and can be sent messages.")
    client_disconnected = event(
        peer_id=int,
        doc="A client's connection is closed. Everything it sent before was delivered before. Within this event, "
        "get_peer(peer_id) still tells the close code and reason; after it the peer is gone.",
    )
    message_received = event(
        peer_id=int,
        message=object,
        doc="A message arrived: `String` (str) for text, `PackedByteArray` (bytes) for binary.",
    )
    handshake_failed = event(
        reason=str,
        doc="Somebody connected to the port but did not become a client; `reason` says in one line who and why.",
    )
    status_changed = event(status=ServerStatus, doc="The server started or stopped listening.")

    port: int = setting(
        8080, range=(0, _MAX_PORT), doc="TCP port to listen on. 0 lets the system choose a free one: get_local_port()."
    )
    bind_address: str = setting(
        "*",
        doc='Which of this machine\'s addresses to listen on: "*" for all, IPv4 and IPv6, "localhost" for this machine '
        "only, or one IP address.",
    )
    autostart: bool = setting(
        False,
        doc="Listen by itself, in a running game, at the end of the frame in which the node became ready, unless it "
        "listens already or this was set to false until then. Once: a node that was stopped, leaves the tree and comes "
        "back does not listen again.",
    )
    refuse_new_connections: bool = setting(False, doc="Answer new connections with HTTP 503. Those that are open stay.")
    handshake_timeout: float = setting(
        5.0,
        range=(0.1, 300.0),
        step=0.1,
        unit="s",
        group="Timeouts",
        doc="Seconds that a new connection has to finish the opening handshake.",
    )

    def __init__(self) -> None:
        super().__init__()
        self._status: ServerStatus = ServerStatus.STATUS_IDLE
        self._listener: Listener | None = None
        self._offer: _Offer | None = None
        self._peers = Peers()
        # Every connection of this server that is not over, also those that are still shaking hands.
        self._connections: dict[Connection, None] = {}

    # --- listening

    def listen(self, port: int = -1) -> Error:
        """Start to listen on `port`, or on the property `port` if it is -1.

        Errors: ERR_ALREADY_IN_USE if this server listens already or the port is taken, ERR_UNAUTHORIZED if the port
        needs special rights, ERR_INVALID_PARAMETER for a bad port, `bind_address`, subprotocol or header,
        ERR_UNAVAILABLE or ERR_CANT_CREATE for what the system cannot do. Each is explained in one line in the log.
        """
        if self._listener is not None:
            _log.error("listen: already listening on port %d; call stop() first", self._listener.port)
            return Error.ERR_ALREADY_IN_USE
        port = self.port if port == -1 else port
        if not self._read_options(port):
            return Error.ERR_INVALID_PARAMETER
        try:
            self._listener = Listener(self.bind_address, port, self._accept)
        except OSError as error:
            code, advice = explain_bind_error(error)
            _log.error("listen: cannot listen on %s, port %d: %s", self.bind_address, port, advice)
            return code
        pump.at_close(self.stop)
        self._set_status(ServerStatus.STATUS_ACTIVE)
        return _OK

    def stop(self) -> None:
        """Stop listening and say goodbye (1001) to everybody. Does nothing if the server is idle.

        When it returns, `client_disconnected` was delivered for every peer, there are no peers, and the port is free
        for another listen(). What had arrived but was not delivered is discarded: nothing more comes from this server.
        """
        if self._listener is None:
            return
        pump.not_at_close(self.stop)
        self._listener.close()
        self._listener = None
        self._inbox.clear()
        connections, self._connections = self._connections, {}
        for connection in connections:
            connection.abandon(GOING_AWAY, "")
        self._set_status(ServerStatus.STATUS_IDLE)
        for connection in connections:
            self._part_with(connection)
        writers.flush()

    def is_listening(self) -> bool:
        """Whether the server listens."""
        return self._listener is not None

    def get_local_port(self) -> int:
        """The port that the server listens on, also if the system chose it; 0 if it does not listen."""
        return 0 if self._listener is None else self._listener.port

    @property
    def status(self) -> ServerStatus:
        """What the server does: idle, or active."""
        return self._status

    # --- peers

    @property
    def peers(self) -> MappingProxyType[int, WebSocketPeer]:
        """The connected peers by their ids."""
        return MappingProxyType(self._peers.by_id)

    def get_peer(self, peer_id: int) -> WebSocketPeer | None:
        """The peer with this id, or null (None) if there is none."""
        return self._peers.by_id.get(peer_id)

    def has_peer(self, peer_id: int) -> bool:
        """Whether there is a peer with this id."""
        return peer_id in self._peers.by_id

    def get_peer_ids(self) -> list[int]:
        """The ids of the connected peers."""
        return list(self._peers.by_id)

    def get_peer_count(self) -> int:
        """How many peers are connected."""
        return len(self._peers.by_id)

    def disconnect_peer(self, peer_id: int, code: int = NORMAL_CLOSURE, reason: str = "") -> Error:
        """Close the connection of one peer; `client_disconnected` follows within `close_timeout`.

        Errors: ERR_DOES_NOT_EXIST for an unknown id, ERR_INVALID_PARAMETER for a code or reason that cannot be sent,
        see WebSocketPeer.close().
        """
        peer = self.get_peer(peer_id)
        return self._unknown_peer("disconnect_peer", peer_id) if peer is None else peer.close(code, reason)

    # --- sending

    def send(self, peer_id: int, message: object | memoryview) -> Error:
        """Send a message to one peer, to everybody (0), or to everybody but one (its id, negative).

        Text is sent for a `String` (str), binary for a `PackedByteArray` (bytes). OK means that it is queued, and sent
        unless the connection breaks; it leaves at the end of the running poll() or frame. Only the thread that polls
        may send; on another, use `call_deferred`.

        Errors: ERR_DOES_NOT_EXIST for an unknown id, otherwise as for WebSocketPeer.send(). Sending to several, those
        whose connection is closing are left out; if it cannot be queued for another, the rest get it all the same, and
        the error is returned.
        """
        peer = self._peers.by_id.get(peer_id)
        return self._send_to_many(peer_id, message) if peer is None else peer.send(message)

    def send_text(self, peer_id: int, message: str) -> Error:
        """Send a text message to one peer, to everybody (0), or to all but one. Errors: as for send()."""
        return self.send(peer_id, message)

    def send_json(self, peer_id: int, value: object) -> Error:
        """Send a value as one text message of JSON: dictionaries, arrays, strings, numbers, booleans, null.

        Errors: ERR_INVALID_PARAMETER if it holds anything else, otherwise as for send().
        """
        text = messages.encode_json(value)
        return Error.ERR_INVALID_PARAMETER if text is None else self.send(peer_id, text)

    def _send_to_many(self, peer_id: int, message: object) -> Error:
        if peer_id > 0 or (peer_id < 0 and not self.has_peer(-peer_id)):
            return self._unknown_peer("send", abs(peer_id))
        if not isinstance(message, (str, bytes, bytearray, memoryview)):
            messages.explain_send_error(Error.ERR_INVALID_PARAMETER, "send", message)
            return Error.ERR_INVALID_PARAMETER
        try:
            prepared = PreparedMessage(message)
        except UnicodeEncodeError:
            messages.explain_send_error(Error.ERR_INVALID_DATA, "send", message)
            return Error.ERR_INVALID_DATA
        for failed_id, error in self._peers.send_prepared(prepared, -peer_id):
            if error != Error.ERR_CONNECTION_ERROR:
                messages.explain_send_error(error, f"send to peer {failed_id}", message)
                return error
        return _OK

    def _unknown_peer(self, method: str, peer_id: int) -> Error:
        _log.error("%s: there is no peer %d; see get_peer_ids()", method, peer_id)
        return Error.ERR_DOES_NOT_EXIST

    # --- delivering

    def _new_sink(self) -> Sink:
        return _EventSink(self.message_received)

    def _deliver_other(self, connection: Connection, item: object) -> None:
        if isinstance(item, Opened):
            self._welcome(connection)
        elif isinstance(item, Closed):
            self._connections.pop(connection, None)
            connection.finish()
            self._part_with(connection)
        elif isinstance(item, Pong) and connection.peer is not None:
            connection.peer.pong_received.emit(item.payload)
        elif isinstance(item, Failed):
            self._connections.pop(connection, None)
            self.handshake_failed.emit(f"{connection.host}: {item.reason}")

    def _welcome(self, connection: Connection) -> None:
        peer_id = random.randint(_FIRST_PEER_ID, _LAST_PEER_ID)
        while self.has_peer(peer_id):
            peer_id = random.randint(_FIRST_PEER_ID, _LAST_PEER_ID)
        peer = connection.peer = self._new_peer(peer_id)
        peer._bind(peer_id, connection)
        self._peers.add(peer_id, peer, connection)
        self.client_connected.emit(peer_id)

    def _part_with(self, connection: Connection) -> None:
        # The peer is taken away first: a stop() in one of these handlers finds nothing left to do for it.
        peer, connection.peer = connection.peer, None
        if peer is None:
            return
        peer.connection_closed.emit()
        self.client_disconnected.emit(peer.peer_id)
        self._peers.remove(peer.peer_id)
        self._drop_peer(peer)

    def _new_peer(self, peer_id: int) -> WebSocketPeer:
        """Make the object for a new connection. For a derived class to override."""
        return WebSocketPeer()

    def _drop_peer(self, peer: WebSocketPeer) -> None:
        """The peer's last event was delivered. For a derived class to override."""

    # --- inside

    def _end(self) -> None:
        self.stop()

    def _read_options(self, port: int) -> bool:
        if not 0 <= port <= _MAX_PORT:
            _log.error("listen: port %d does not exist; use 1 to %d, or 0 for a free one", port, _MAX_PORT)
            return False
        if not is_valid_address(self.bind_address):
            _log.error('listen: bind_address "%s" must be "*", "localhost" or an IP address', self.bind_address)
            return False
        try:
            self._offer = _Offer(self.supported_protocols, self.handshake_headers)
        except ValueError as error:
            _log.error("listen: %s", error)
            return False
        return True

    def _accept(self) -> Connection:
        offer = self._current_offer()
        handshake = ServerHandshake(offer.subprotocols, offer.headers, self._deflate())
        if self.refuse_new_connections:
            handshake.refusal = "This server takes no new connections."
        deadline = pump.loop().time() + self.handshake_timeout
        connection = Connection(handshake, self._inbox, self._limits(), deadline)
        self._connections[connection] = None
        return connection

    def _current_offer(self) -> _Offer:
        """The properties of this moment; where they became bad, it is said once, and the last good ones stay."""
        offer = self._offer
        assert offer is not None  # Made by listen().
        if offer.lines != (self.supported_protocols, self.handshake_headers):
            try:
                offer = self._offer = _Offer(self.supported_protocols, self.handshake_headers)
            except ValueError as error:
                offer.lines = (list(self.supported_protocols), list(self.handshake_headers))
                _log.error("handshake_headers, supported_protocols: %s; what was set before stays in force", error)
        return offer


class _Offer:
    """What the server says in opening handshakes, parsed. Raises ValueError with what is wrong in the lines."""

    def __init__(self, supported_protocols: list[str], handshake_headers: list[str]) -> None:
        # What this was made of, to see whether the user has changed it since.
        self.lines = (list(supported_protocols), list(handshake_headers))
        self.subprotocols = parse_subprotocols(supported_protocols)
        self.headers = parse_headers(handshake_headers)


class _EventSink(PeerSink):
    """Messages as events."""

    def __init__(self, message_received: BoundEvent) -> None:
        super().__init__()
        self._emit = message_received.emit

    def tell_server(self, source: Intake, message: str | bytes) -> None:
        self._emit(source.peer_id, message)

    def tell_peer(self, source: Intake, message: str | bytes) -> None:
        assert source.peer is not None
        source.peer.message_received.emit(message)
