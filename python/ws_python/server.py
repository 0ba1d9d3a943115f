"""The server: listens, owns one peer per connection, and delivers what they send. How they come in: reception.py."""

from __future__ import annotations

import logging
import random
import socket
from enum import IntEnum
from functools import partial
from types import MappingProxyType

from .connection.connection import Connection
from .connection.inbox import PeerSink
from .connection.intake import Intake
from .connection.settings import ConnectionSettings
from .declare import checks
from .declare.errors import CannotListen, Error, explain_bind_error
from .declare.events import BoundEvent, event, silence
from .declare.settings import setting, with_default
from .features.admission import Admission, AdmissionSettings
from .features.authorization import Authorization, AuthorizationSettings
from .features.clock import ServerClock, ServerClockSettings
from .features.connection_limits import ConnectionLimits, ConnectionLimitSettings
from .features.drain import Drain, Drains
from .features.handover import Handover, HandoverSettings
from .features.multiplayer import MultiplayerSettings, Plays, ServerMultiplayer
from .features.origins import Origins, OriginSettings
from .features.outbound_limit import OutboundLimit, OutboundLimitSettings
from .features.requests import RequestingServer
from .features.reserve import ReserveSettings
from .features.sessions import Sessions, SessionSettings
from .features.tls import ServerTlsFeature, ServerTlsSettings
from .features.trusted_proxies import TrustedProxies, TrustedProxySettings
from .features.values import SendsValuesToPeers
from .loop.hub import hub
from .net.listener import Listener, is_valid_address
from .net.unix import UnixDoor, UnixSocketSettings, is_unix
from .peer import WebSocketPeer
from .peers import Peers
from .protocol.close_codes import GOING_AWAY, NORMAL_CLOSURE
from .protocol.prepared import PreparedMessage
from .protocol.session import Hello, Layer
from .reception import Reception

_log = logging.getLogger("ws_python")
_OK = Error.OK

# 1 is the server itself in Godot's multiplayer, 0 means everybody.
_FIRST_PEER_ID = 2
_LAST_PEER_ID = 2**31 - 1
_MAX_PORT = 65535
# Ids of unknown peers that are remembered, so that each is told once.
_MOST_UNKNOWN = 64


class ServerStatus(IntEnum):
    """What the server does."""

    STATUS_IDLE = 0
    STATUS_ACTIVE = 1


class WebSocketServer(
    Reception,
    AdmissionSettings,
    ConnectionLimitSettings,
    OriginSettings,
    OutboundLimitSettings,
    AuthorizationSettings,
    UnixSocketSettings,
    ReserveSettings,
    TrustedProxySettings,
    ServerTlsSettings,
    SessionSettings,
    ServerClockSettings,
    RequestingServer,
    SendsValuesToPeers,
    Drains,
    HandoverSettings,
    MultiplayerSettings,
    Plays,
):
    """A WebSocket server. Call listen(), then poll() once a frame, in which events are delivered.

    In asyncio's running loop, listen() is enough.
    Of other calls, listen() and stop() emit `status_changed` before they return, and stop() the end of every peer.
    Every connection is a peer with a number, announced by `client_connected` and taken back by `client_disconnected`,
    once each. A handler may call anything, also stop(), poll(), or close the connection it was called for.
    """

    Status = ServerStatus
    # The first one finds out who it is that the others look at; the authorizer is not asked about what another refuses.
    FEATURES = (
        TrustedProxies,
        ServerTlsFeature,
        *Reception.FEATURES,
        ConnectionLimits,
        Admission,
        Drain,
        Handover,
        Origins,
        Sessions,
        OutboundLimit,
        ServerClock,
        ServerMultiplayer,
        Authorization,
    )

    _sessions: Sessions
    _handover: Handover

    _sink: PeerSink

    client_connected = event(peer_id=int, doc="A client connected and can be sent messages.")
    client_disconnected = event(
        peer_id=int,
        doc="A client's connection is closed. Everything it sent before was delivered before. Within this event, "
        "get_peer(peer_id) still tells the close code and reason; after it the peer is gone.",
    )
    client_interrupted = event(
        peer_id=int,
        doc="The connection of a client in a session was cut: it is waited for, for `session_timeout`. What is sent to "
        "it is kept. Followed by `client_resumed` or `client_disconnected`.",
    )
    client_resumed = event(
        peer_id=int,
        doc="A client whose connection was cut is back in its session, as the same peer. What it sent meanwhile, and "
        "what was on the way, is delivered next.",
    )
    message_received = event(
        peer_id=int,
        message=object,
        doc="A message arrived: `String` (str) for text, `PackedByteArray` (bytes) for binary.",
    )
    peer_drained = event(
        peer_id=int,
        doc="There is room again for a peer to whom sending returned ERR_BUSY: half of `outbound_buffer_size` is free, "
        "and as much as the message needs that was refused. Once for each time that it was full.",
    )
    handshake_failed = event(
        reason=str,
        doc="Somebody connected to the port but did not become a client; `reason` says in one line who (the IP "
        "address) and why.",
    )
    status_changed = event(status=ServerStatus, doc="The server started or stopped listening.")

    port: int = setting(
        8080,
        range=(0, _MAX_PORT),
        doc="TCP port to listen on. 0 lets the system choose a free one: get_local_port(). A Unix socket has none.",
    )
    bind_address: str = setting(
        "*",
        doc='Which of this machine\'s addresses to listen on: "*" for all, IPv4 and IPv6, "localhost" for this machine '
        'only, or one IP address. "unix:/path" listens on a Unix socket in place of a port, for a reverse proxy or '
        "another program on this machine: the path is absolute, the file of a server that is dead is replaced, and "
        'stop() removes it; see `unix_socket_mode`. "unix:@name" is one without a file (Linux only). Or sockets that '
        'the process was started with, which have their own port: "systemd" for all that a systemd .socket unit passes '
        '(LISTEN_FDS), "fd:3" for the one with that descriptor. stop() leaves these open, and who connects meanwhile '
        "waits for the next listen().",
    )
    autostart: bool = setting(
        False,
        doc="Listen by itself, in a running game, at the end of the frame in which the node became ready, unless it "
        "listens already or this was set to false until then. Once: a node that was stopped, leaves the tree and comes "
        "back does not listen again.",
    )
    # Strangers connect to a server, and each may take that much.
    max_message_size: int = with_default(ConnectionSettings.max_message_size, 1024 * 1024)

    def __init__(self) -> None:
        super().__init__()
        self._status: ServerStatus = ServerStatus.STATUS_IDLE
        self._listener: Listener | None = None
        self._where: str | UnixDoor = ""
        self._told_unknown: dict[int, None] = {}
        self._peers = Peers()

    # --- listening

    def listen(self, port: int = -1) -> Error:
        """Start to listen on TCP port `port` (1 to 65535, or 0 for a free one), or on the property `port` if it is -1.

        Errors: ERR_ALREADY_IN_USE if this server listens already or the port is taken, ERR_UNAUTHORIZED if the port
        needs special rights, ERR_INVALID_PARAMETER for a bad port, `bind_address`, trusted proxy, subprotocol or
        header, or for `tls_options` of a client; ERR_FILE_NOT_FOUND, ERR_FILE_NO_PERMISSION, ERR_FILE_CANT_OPEN,
        ERR_FILE_UNRECOGNIZED or ERR_FILE_CORRUPT for a certificate or key that cannot be used; ERR_UNAVAILABLE or
        ERR_CANT_CREATE for what the system cannot do, or was to hand over and did not; ERR_UNAVAILABLE also on another
        thread than the main one, and while the node is being freed. Each is explained in one line in the log.

        For a Unix socket (see `bind_address`) `port` is of no matter, and get_local_port() is 0. ERR_ALREADY_IN_USE is
        returned if a server that lives has the path, or a file that is no socket; ERR_DOES_NOT_EXIST if there is no
        such folder, ERR_UNAUTHORIZED without the right to make the file or to give it to `unix_socket_owner`.
        """
        if error := self._cannot_start("listen"):
            return error
        if self._listener is not None:
            _log.error("listen: already listening on %s; call stop() first", self._listener.name)
            return Error.ERR_ALREADY_IN_USE
        port = self.port if port == -1 else port
        if not self._read_options(port):
            return Error.ERR_INVALID_PARAMETER
        if error := self._begin_receiving():
            return error
        try:
            self._listener = self._handover.listener(partial(self._new_listener, port), port)
        except CannotListen as problem:
            self._end_receiving()
            _log.error("listen: cannot listen on %s: %s", self.bind_address, problem)
            return problem.code
        except OSError as problem:
            self._end_receiving()
            code, advice = explain_bind_error(problem)
            _log.error("listen: cannot listen on %s, port %d: %s", self.bind_address, port, advice)
            self._events["listen_failed"] += 1
            return code
        self._joins_hub()
        self._events["listened"] += 1
        self._set_status(ServerStatus.STATUS_ACTIVE)
        return _OK

    def stop(self) -> None:
        """Stop listening and say goodbye (1001, going away) to everybody. Does nothing if the server is idle.

        What was sent before still leaves, within `close_timeout`.
        When it returns, `client_disconnected` was delivered for every peer, there are no peers, and the port is free
        for another listen(). What had arrived but was not delivered is discarded: nothing more comes from this server.
        On another thread than the main one, stop() does nothing but log an error.
        """
        if self._listener is None or hub.refuses("stop"):
            return
        hub.not_at_close(self._end)
        self._listener.close()
        self._listener = None
        self._gave_up()
        connections, self._connections = self._connections, {}
        # Of those whose connection was cut, too.
        left = [peer._connection for peer in list(self._peers.by_id.values()) if peer._connection not in connections]
        for connection in connections:
            connection.abandon(GOING_AWAY, "")
            self._tell_closed(connection)
        self._end_receiving()
        self._set_status(ServerStatus.STATUS_IDLE)
        for connection in (*connections, *filter(None, left)):
            connection.outbox.part()
            self._part_with(connection)
        hub.writers.flush()

    def is_listening(self) -> bool:
        """Whether the server listens."""
        return self._listener is not None

    def get_local_port(self) -> int:
        """The TCP port that the server listens on, also if the system chose it; 0 if none, as on a Unix socket."""
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

        Errors: ERR_DOES_NOT_EXIST for an unknown id, otherwise as for close() of a peer.
        """
        peer = self.get_peer(peer_id)
        return self._unknown_peer("disconnect_peer", peer_id) if peer is None else peer.close(code, reason)

    # --- sending

    def send(self, peer_id: int, message: object | memoryview) -> Error:
        """Send a message to one peer, to everybody (0), or to everybody but one (its id, negative).

        Text is sent for a `String` (str), binary for a `PackedByteArray` (bytes). OK means that it is queued, and sent
        unless the connection breaks; it leaves at the end of the running poll() or frame, see send() of a peer.

        Errors: ERR_DOES_NOT_EXIST for an unknown id, otherwise as for send() of a peer. `outgoing_supervisor` is asked
        once, with the number given here. Sending to several, those whose connection is closing are left out; if it
        cannot be queued for another, the rest get it all the same, and the error is returned.
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
        text = checks.encode_json(value)
        return Error.ERR_INVALID_PARAMETER if text is None else self.send(peer_id, text)

    def send_latest(self, peer_id: int, key: object, message: object | memoryview) -> Error:
        """Send a message that replaces an unsent one of the same `key` to the same peer: the state of something.

        `peer_id` as for send(). What it means, and in which order it leaves: see send_latest() of a peer. One that is
        sent to everybody waits for each peer by itself: who is slow gets the newest when it is its turn.

        Errors: ERR_DOES_NOT_EXIST for an unknown id, otherwise as for send_latest() of a peer, and to several as for
        send().
        """
        peer = self._peers.by_id.get(peer_id)
        if peer is not None:
            return peer.send_latest(key, message)
        checked = checks.check_key(key)
        return Error.ERR_INVALID_PARAMETER if checked is None else self._send_to_many(peer_id, message, checked)

    def _send_to_many(self, peer_id: int, message: object, key: str | int | None = None) -> Error:
        """Send to everybody or all but one; with a key, as send_latest()."""
        method = "send" if key is None else "send_latest"
        if peer_id > 0 or (peer_id < 0 and not self.has_peer(-peer_id)):
            return self._unknown_peer(method, abs(peer_id))
        if not isinstance(message, (str, bytes, bytearray, memoryview)):
            checks.explain_send_error(Error.ERR_INVALID_PARAMETER, method, message, None)
            return Error.ERR_INVALID_PARAMETER
        if self.outgoing_supervisor is not None and (message := self._supervision.to_many(peer_id, message)) is None:
            return Error.ERR_UNAUTHORIZED
        try:
            prepared = PreparedMessage(message)
        except UnicodeEncodeError:
            checks.explain_send_error(Error.ERR_INVALID_DATA, method, message, None)
            return Error.ERR_INVALID_DATA
        if key is None:
            failed = self._peers.send_prepared(prepared, -peer_id)
        else:
            failed = self._peers.send_latest(key, prepared, -peer_id)
        result = _OK
        for failed_id, error in failed:
            peer = self._peers.by_id.get(failed_id)
            if peer is not None and error != Error.ERR_CONNECTION_ERROR:
                peer._explain(error, method, message)
                result = result or error
        return result

    def _unknown_peer(self, method: str, peer_id: int) -> Error:
        # Who has just left is no mistake that is worth a line in each frame.
        if peer_id not in self._told_unknown:
            self._told_unknown[peer_id] = None
            if len(self._told_unknown) > _MOST_UNKNOWN:
                del self._told_unknown[next(iter(self._told_unknown))]
            _log.error("%s: there is no peer %d; see get_peer_ids()", method, peer_id)
        return Error.ERR_DOES_NOT_EXIST

    # --- delivering

    def _new_sink(self) -> PeerSink:
        return _EventSink(self.message_received)

    def _opened(self, connection: Connection) -> None:
        self._tell_opened(connection)
        if connection.layer is not None:
            return  # Which peer it is of, its hello tells.
        peer = self._seat(connection)
        if peer is not None:
            self._present(peer)

    def _seat(self, connection: Connection) -> WebSocketPeer | None:
        """Make a peer, bind it, register it: whatever a handler does from then on finds it whole."""
        peer_id = random.randint(_FIRST_PEER_ID, _LAST_PEER_ID)
        while self.has_peer(peer_id):
            peer_id = random.randint(_FIRST_PEER_ID, _LAST_PEER_ID)
        peer = self._new_peer(peer_id)
        if connection not in self._connections:  # What a derived class does there has stopped the server.
            self._drop_peer(peer)
            return None
        peer._bind(peer_id, connection)
        peer._requests = self._requests
        self._peers.add(peer_id, peer, connection.outbox)
        return peer

    def _present(self, peer: WebSocketPeer) -> None:
        """Show it, and announce it."""
        for feature in self._features:
            feature.seated(peer)
        # Showing it may call a handler that polls: then what this client sent does not come before it was announced.
        self._sink.announce = lambda: self._announce(peer)
        self._show_peer(peer)
        self._sink.settle()

    def _announce(self, peer: WebSocketPeer) -> None:
        if self.get_peer(peer.peer_id) is peer:  # No handler has stopped the server, or freed the peer.
            peer._is_announced = True
            self.client_connected.emit(peer.peer_id)

    def _failed(self, connection: Connection, reason: str, retryable: bool) -> None:
        self._connections.pop(connection, None)
        connection.finish()
        self._refusals[connection.handshake.status] += 1
        for feature in self._features:
            feature.failed(connection)
        self.handshake_failed.emit(f"{connection.host}: {reason}")

    def _ponged(self, connection: Connection, payload: bytes) -> None:
        if not self._is_answer(connection, payload) and connection.intake.peer is not None:
            connection.intake.peer.pong_received.emit(payload)

    def _drained(self, connection: Connection) -> None:
        peer = connection.intake.peer
        if peer is not None and peer._is_announced:
            peer.drained.emit()
            peer_id = peer.peer_id
            if self.get_peer(peer_id) is peer:  # Its handler has not stopped the server, or freed the peer.
                self.peer_drained.emit(peer_id)

    def _closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        connection.finish()
        self._tell_closed(connection)
        if self._sessions.outlives(connection):
            self._interrupted(connection)
        else:
            self._part_with(connection)

    # --- sessions

    def _has_sessions(self) -> bool:
        return self.session_timeout > 0.0

    def _new_layer(self, connection: Connection) -> Layer:
        return Layer()

    def _greeted(self, connection: Connection, hello: Hello) -> None:
        if connection in self._connections:
            self._sessions.greeted(connection, hello)

    def _reseat(self, peer: WebSocketPeer, connection: Connection) -> None:
        """A peer is back, with another connection."""
        peer._bind(peer.peer_id, connection)
        self._peers.add(peer.peer_id, peer, connection.outbox)

    def _leave_behind(self, connection: Connection) -> None:
        """A peer is back, and this is what it came with before: nobody is told of its end."""
        self._connections.pop(connection, None)
        connection.intake.peer = None
        connection.outbox.lasts = False
        connection.drop()
        self._tell_closed(connection)
        connection.finish()

    def _interrupted(self, connection: Connection) -> None:
        peer = connection.intake.peer
        if peer is not None and peer._is_announced:
            self.client_interrupted.emit(peer.peer_id)

    def _resumed(self, connection: Connection) -> None:
        peer: WebSocketPeer | None = connection.intake.peer
        if peer is not None and peer._is_announced and self._peers.by_id.get(peer.peer_id) is peer:
            self.client_resumed.emit(peer.peer_id)

    def _session_over(self, connection: Connection) -> None:
        self._part_with(connection)

    # --- parting

    def _part_with(self, connection: Connection) -> None:
        # The peer is taken away first: a stop() in one of these handlers finds nothing left to do for it.
        peer, connection.intake.peer = connection.intake.peer, None
        if peer is None:
            return
        self._session_ends(peer)
        if peer._is_announced:
            peer.connection_closed.emit()
            self.client_disconnected.emit(peer.peer_id)
        self._peers.remove(peer.peer_id)
        self._drop_peer(peer)

    def _new_peer(self, peer_id: int) -> WebSocketPeer:
        """Make the object for a new connection. For a derived class to override."""
        return WebSocketPeer()

    def _show_peer(self, peer: WebSocketPeer) -> None:
        """The peer is about to be announced. For a derived class to override."""

    def _drop_peer(self, peer: WebSocketPeer) -> None:
        """The peer's last event was delivered. For a derived class to override."""

    # --- inside

    def _new_listener(self, port: int, given: list[socket.socket] | None = None) -> Listener:
        return Listener(
            self._where,
            port,
            self._accept,
            given=given,
            preceded=self._read_preamble,
            reserve=lambda: self.reserved_descriptors,
            count=self._count,
            waiting=lambda waits: self._met_error() if waits else self._recovered(),
        )

    def _end(self) -> None:
        self.stop()

    def _shut_down(self) -> None:
        for peer in list(self._peers.by_id.values()):
            silence(peer)
        super()._shut_down()

    def _read_options(self, port: int) -> bool:
        if not 0 <= port <= _MAX_PORT:
            _log.error("listen: port %d does not exist; use 1 to %d, or 0 for a free one", port, _MAX_PORT)
            return False
        if not is_unix(self.bind_address) and not is_valid_address(self.bind_address):
            _log.error(
                'listen: bind_address "%s" must be "*", "localhost", an IP address, "unix:/path", "systemd" or "fd:3"',
                self.bind_address,
            )
            return False
        try:
            self._where = UnixDoor(self.bind_address, self) if is_unix(self.bind_address) else self.bind_address
        except ValueError as error:
            _log.error("listen: %s", error)
            return False
        return True


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
