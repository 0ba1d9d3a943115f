"""Multiplayer: connections whose messages are packets of Godot's high-level multiplayer, and who hands them out.

On the wire it is as with Godot's own WebSocketMultiplayerPeer: no subprotocol and any path; the server begins with one
binary message, the peer id (int32, little endian); after that each binary message is a packet as it is. Channel and
mode are not sent. What is in a packet, nobody here knows.

Who plays is told in a poll of the multiplayer peer, never elsewhere, and in this order: that a peer is connected, its
packets, that it is gone. So it is told as gone in the first poll in which none of its packets waits any more.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from enum import IntEnum
from http import HTTPStatus
from typing import Any, ClassVar

from ..connection.connection import Connection
from ..connection.packets import Packets, PacketSink, Player
from ..connection.phase import Phase
from ..connection.request import WebSocketRequest
from ..declare.errors import Error
from ..declare.events import event
from ..declare.settings import setting
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..protocol.close_codes import NORMAL_CLOSURE, POLICY_VIOLATION, PROTOCOL_ERROR, UNSUPPORTED_DATA
from ..protocol.session import SUBPROTOCOL
from .feature import Answer, Feature

_log = logging.getLogger("ws_python")

#: What a server is called by its clients.
SERVER_ID = 1
_ID_SIZE = 4
# 0 and 1 mean everybody and the server.
_FIRST_ID = 2
# What a frame adds to a packet at most.
_FRAME_OVERHEAD = 14
_LATE_CALL = (
    "get_multiplayer_peer: the client is connected already, and not as a player; call it before connect_to_url()"
)


class ConnectionStatus(IntEnum):
    """As MultiplayerPeer.ConnectionStatus of the engine."""

    CONNECTION_DISCONNECTED = 0
    CONNECTION_CONNECTING = 1
    CONNECTION_CONNECTED = 2


class TransferMode(IntEnum):
    """As MultiplayerPeer.TransferMode of the engine."""

    TRANSFER_MODE_UNRELIABLE = 0
    TRANSFER_MODE_UNRELIABLE_ORDERED = 1
    TRANSFER_MODE_RELIABLE = 2


class MultiplayerSettings:
    """For a server with a ServerMultiplayer."""

    multiplayer_path: str = setting(
        "",
        group="Multiplayer",
        doc="Who plays, once get_multiplayer_peer() was called: who connects to this path, such as /mp. The messages "
        "of all others go to `message_received` as ever. Empty: everybody plays. A change counts for the connections "
        "made after it.",
    )


class MultiplayerPeer:
    """The players of a server, or a client that plays, with the names of Godot's MultiplayerPeer: for plain Python.

    Its packets are those of Godot's high-level multiplayer, unread. Call poll() in place of that of the node, and then
    get_packet() as long as get_available_packet_count() is not 0. `transfer_mode`, `transfer_channel` and
    set_target_peer() count for the packets that are put after them.
    """

    peer_connected = event(peer_id=int, doc="A peer is connected: its packets come next. Of a client: the server, 1.")
    peer_disconnected = event(peer_id=int, doc="A peer is gone; all its packets were taken before.")

    def __init__(self, multiplayer: Multiplayer) -> None:
        super().__init__()
        self._multiplayer = multiplayer
        self._packets = multiplayer.packets

    def poll(self) -> None:
        """Read and write the network, and tell who came and went. Packets that were taken before are gone after it."""
        self._multiplayer.poll()

    def get_available_packet_count(self) -> int:
        """How many packets can be taken; 0 also when the `max_poll_time` of this poll is over."""
        return self._packets.count

    def get_packet_peer(self) -> int:
        """Whose the next packet is; 0: there is none."""
        return self._packets.sender

    def get_packet(self) -> bytes:
        """Take the next packet; empty: there is none."""
        return self._packets.get() or b""

    def set_target_peer(self, peer_id: int) -> None:
        """Who gets what is put: a peer, everybody (0), or all but one (negative). Of a client it is the server."""
        self._packets.target = peer_id

    def put_packet(self, packet: bytes | bytearray | memoryview) -> Error:
        """Send a packet to the target peer. OK: it will be sent, or was left out as its transfer mode has it.

        Errors: ERR_INVALID_PARAMETER for an unknown peer, otherwise as for send() of a WebSocketPeer. Where a reliable
        packet finds no room, its peer is closed with code 1008.
        """
        return self._packets.put(packet)

    @property
    def transfer_mode(self) -> TransferMode:
        """How packets are sent: reliable; the newest of a channel; or not at all, to a peer that lags behind."""
        return TransferMode(self._packets.mode)

    @transfer_mode.setter
    def transfer_mode(self, mode: TransferMode) -> None:
        self._packets.mode = TransferMode(mode)

    @property
    def transfer_channel(self) -> int:
        """The channel of packets that are put."""
        return self._packets.channel

    @transfer_channel.setter
    def transfer_channel(self, channel: int) -> None:
        self._packets.channel = channel

    @property
    def refuse_new_connections(self) -> bool:
        """Whether nobody new may play; who comes back in a session may."""
        return self._multiplayer.refuses

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None:
        self._multiplayer.refuses = refuses

    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """Close the connection of a peer. With `force` nothing more is told of it, and its packets are forgotten."""
        self._multiplayer.disconnect_peer(peer_id, force)

    def close(self) -> None:
        """Part with all peers, without a further event. Where everybody plays, the server stops, too."""
        self._multiplayer.close()

    def get_unique_id(self) -> int:
        """This side's id: 1 of a server, of a client what the server told; 0 until then."""
        return self._packets.unique_id

    def get_connection_status(self) -> ConnectionStatus:
        """Whether there are packets to be expected."""
        return ConnectionStatus(self._packets.status)


class Plays:
    """For a server or client with a Multiplayer."""

    _multiplayer: Multiplayer

    def get_multiplayer_peer(self) -> Any:
        """The peer of Godot's multiplayer over this node: `multiplayer.multiplayer_peer = node.get_multiplayer_peer()`.

        From then on RPCs, MultiplayerSpawner and MultiplayerSynchronizer run over it; peer ids are those of the node. A
        server calls it before players connect, a client before connect_to_url() is answered; to be assigned, the node
        has to listen, connect, or be about to by itself. At the other end may be Godot's own WebSocketMultiplayerPeer.

        Messages of players go there, not to `message_received`, and what is sent to everybody does not go to players. A
        text from one closes its connection with code 1003. Each call gives the same object, as long as the node lives;
        after its close(), the next call opens it again.
        """
        return self._multiplayer.use()

    def _new_multiplayer_peer(self) -> Any:
        """Make what get_multiplayer_peer() gives. For a derived class to override."""
        return MultiplayerPeer(self._multiplayer)

    def _begins_by_itself(self) -> bool:
        """Whether it is about to listen or connect. For a derived class to override."""
        return False


class Multiplayer(Feature):
    """What servers and clients have in common: a queue of packets, and whom to tell of which peer."""

    IS_CLIENT: ClassVar[bool]
    node: Any

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._multiplayer = self
        #: What the user was given; None as long as nobody plays.
        self.peer: Any = None
        self.refuses = False
        self._is_closed = False
        self._is_forgotten = False
        # Who is to be told as connected, and as gone.
        self._arrived: OrderedDict[Player, None] = OrderedDict()
        self._departed: dict[Player, None] = {}

    def use(self) -> Any:
        """From now on there are players. What the user gets."""
        if self._is_forgotten:
            return None
        self._is_closed = False
        if self.peer is None:
            self._begin()
            self.peer = self.node._new_multiplayer_peer()
        self.refresh()
        return self.peer

    def _begin(self) -> None:
        node = self.node
        self.packets = Packets(node._inbox, self, is_client=self.IS_CLIENT)
        self._sink = PacketSink(self.packets, node._front, self)
        node._front = self._sink
        node._supervision.apply()

    def poll(self) -> None:
        """As poll() of the node, and tell who came and went. Packets that were taken before are let go of."""
        if self._is_forgotten or hub.refuses("poll"):
            return
        if self.packets.turn(-1):
            self.tell()

    def tell(self) -> None:
        """Tell who came and went."""
        self._tell()
        self.packets.has_news = bool(self._arrived or self._departed)
        self.refresh()

    @property
    def max_packet_size(self) -> int:
        """The longest packet that may find room, in bytes."""
        return int(self.node.outbound_buffer_size) - _FRAME_OVERHEAD

    @property
    def awaits_id(self) -> bool:
        """Whether the next message is not a packet, but tells this side's id."""
        return False

    def refresh(self) -> None:
        """Have the status be that of now."""
        if self.peer is not None:
            self.packets.status = self._status_of_now()

    def _status_of_now(self) -> ConnectionStatus:
        raise NotImplementedError

    def _tell(self) -> None:
        raise NotImplementedError

    def disconnect_peer(self, peer_id: int, force: bool) -> None:
        """See MultiplayerPeer."""
        raise NotImplementedError

    def close(self) -> None:
        """See MultiplayerPeer."""
        raise NotImplementedError

    def _arrive(self, player: Player) -> None:
        self._arrived[player] = None
        self.packets.has_news = True

    def _depart(self, player: Player) -> None:
        """Nothing more comes from it."""
        self.packets.part(player)
        if player.is_announced:
            self._departed[player] = None
            self.packets.has_news = True
        else:
            self._drop(player)

    def _drop(self, player: Player) -> None:
        """Tell nothing of it any more."""
        self.packets.part(player)
        if player.waiting:
            self.packets.forget(player)
        self._arrived.pop(player, None)
        self._departed.pop(player, None)

    def _drop_all(self) -> None:
        self.packets.forget(None)
        for player in self.packets.players.values():
            self.packets.part(player)
        self.packets.players.clear()
        self.packets.server = None
        self._arrived.clear()
        self._departed.clear()

    def forget(self) -> None:
        """See Feature."""
        self._is_forgotten = True
        if self.peer is not None:
            self.packets.inbox = None
            self.packets.status = ConnectionStatus.CONNECTION_DISCONNECTED
            self.peer = None
            hub.call_where_polled(self._drop_all)

    # --- what the queue tells

    def left_out(self) -> None:
        """See packets.pyi."""
        self.node._count("packets_left_out")

    def refused(self, player: Player, error: Error, size: int, is_reliable: bool) -> None:
        """See packets.pyi."""
        connection = None if player.endpoint is None else player.endpoint._connection
        if connection is None:
            return  # It went while this was tried.
        if error == Error.ERR_OUT_OF_MEMORY:
            self.node._count("packets_too_long")
            connection.complain(
                "packets that are too long",
                "put_packet: a packet of %d bytes never fits in outbound_buffer_size; raise it, or send less in one",
                size,
            )
        elif is_reliable and error in (Error.ERR_BUSY, Error.ERR_ALREADY_IN_USE):
            self.node._count("closed_no_room_for_packet")
            connection.complain(
                "reliable packets without room",
                "put_packet: no room for a reliable packet to peer %d, who is too slow; the connection is closed; "
                "raise outbound_buffer_size (in a session session_buffer_size), or send less",
                player.peer_id,
            )
            self._give_up(player)

    def _give_up(self, player: Player) -> None:
        raise NotImplementedError

    def greeted(self, connection: Connection, message: str | bytes) -> None:
        """See packets.pyi."""

    def text_came(self, connection: Connection, message: str | bytes) -> None:
        """See packets.pyi."""
        if connection.phase is Phase.OPEN:
            self.node._count("closed_text_from_player")
            connection.give_up(UNSUPPORTED_DATA, "a text message is no packet of the multiplayer")


class ServerMultiplayer(Multiplayer):
    """The players of a server."""

    IS_CLIENT = False

    def _begin(self) -> None:
        super()._begin()
        self.packets.unique_id = SERVER_ID

    def admit(self, connection: Connection, request: WebSocketRequest) -> Answer | None:
        """See Feature. Who speaks the session layer may be one that comes back: seated() knows."""
        if self._takes_nobody(connection) and SUBPROTOCOL not in connection.handshake.header("Sec-WebSocket-Protocol"):
            self.node._count("refused_players")
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, "This game takes no new players.")
        return None

    def seated(self, peer: Any) -> None:
        """See Feature."""
        connection = peer._connection
        if self.peer is None or not self._plays(connection):
            return
        if self._takes_nobody(connection):
            self.node._count("refused_players")
            peer.close(POLICY_VIOLATION, "This game takes no new players.")
            return
        player = Player(peer, peer.peer_id, self.node.max_queued_bytes)
        self.node._peers.set_apart(peer.peer_id)
        self.packets.players[peer.peer_id] = player
        self._arrive(player)
        # No message of the user's, so no supervisor sees it.
        outbox = connection.outbox
        supervisor, outbox.supervisor = outbox.supervisor, None
        outbox.send(peer.peer_id.to_bytes(_ID_SIZE, "little"))
        outbox.supervisor = supervisor

    def _plays(self, connection: Connection) -> bool:
        path = self.node.multiplayer_path
        return not path or connection.handshake.path.partition("?")[0] == "/" + path.removeprefix("/")

    def _takes_nobody(self, connection: Connection) -> bool:
        return self.peer is not None and (self.refuses or self._is_closed) and self._plays(connection)

    def _player(self, peer: Any) -> Player | None:
        """What a peer is here; None: it does not play."""
        player = None if self.peer is None else self.packets.players.get(peer.peer_id)
        return player if player is not None and player.endpoint is peer else None

    def stays(self, peer: Any) -> bool:
        """See Feature. What the engines at both ends have agreed on, such as paths, they cannot tell to another one."""
        return self._player(peer) is not None

    def session_over(self, endpoint: Any, error: Error) -> None:
        """See Feature."""
        player = self._player(endpoint)
        if player is not None:
            del self.packets.players[endpoint.peer_id]
            self._depart(player)

    def status_changed(self) -> None:
        """See Feature."""
        if self.peer is None:
            return
        if self.node.is_listening():
            self._is_closed = False
        else:
            self._drop_all()
        self.refresh()

    def _status_of_now(self) -> ConnectionStatus:
        if self._is_closed:
            return ConnectionStatus.CONNECTION_DISCONNECTED
        if self.node.is_listening():
            return ConnectionStatus.CONNECTION_CONNECTED
        if self.node._begins_by_itself():
            return ConnectionStatus.CONNECTION_CONNECTING
        return ConnectionStatus.CONNECTION_DISCONNECTED

    def _tell(self) -> None:
        while self._arrived:
            player, _ = self._arrived.popitem(last=False)
            player.is_announced = True
            self.peer.peer_connected.emit(player.peer_id)
        for player in list(self._departed):
            if not player.waiting and player in self._departed:  # A handler may have closed it all.
                del self._departed[player]
                self.peer.peer_disconnected.emit(player.peer_id)

    def disconnect_peer(self, peer_id: int, force: bool) -> None:
        """See MultiplayerPeer."""
        if self._is_forgotten or hub.refuses("disconnect_peer"):
            return
        player = self.packets.players.get(peer_id)
        if player is None:
            self.node._unknown_peer("disconnect_peer", peer_id)
            return
        if force:
            del self.packets.players[peer_id]
            self._drop(player)
            self._part_with(player)
        else:
            player.endpoint.close(NORMAL_CLOSURE)

    def close(self) -> None:
        """See MultiplayerPeer."""
        if self._is_forgotten or hub.refuses("close"):
            return
        players = list(self.packets.players.values())
        self._drop_all()
        self._is_closed = True
        # Before stop(), whose code would have those in a session wait for the server to come back.
        for player in players:
            self._part_with(player)
        if not self.node.multiplayer_path:
            self.node.stop()
        self.refresh()

    def _part_with(self, player: Player) -> None:
        """Close its connection. What comes there until then is a packet still, and nobody's."""
        player.endpoint._connection.intake.sink_state = player
        player.endpoint.close(NORMAL_CLOSURE)

    def _give_up(self, player: Player) -> None:
        connection = player.endpoint._connection
        if connection.phase is Phase.OPEN:
            connection.give_up(POLICY_VIOLATION, "no room for a reliable packet")
        else:
            self.node._sessions.give_up(player.endpoint)


class ClientMultiplayer(Multiplayer):
    """A client that plays: the server is its only peer."""

    IS_CLIENT = True

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        # Of who arrived: this side's id there.
        self._told_id = 0
        self._id_deadline: Deadline | None = None

    def _begin(self) -> None:
        if self.node.status == self.node.Status.STATUS_ACTIVE:
            _log.error(_LATE_CALL)
        super()._begin()

    @property
    def awaits_id(self) -> bool:
        """See Multiplayer."""
        return self.peer is not None and self._sink.receiving is None

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        if self.awaits_id:
            self._await_id(connection)

    def session_over(self, endpoint: Any, error: Error) -> None:
        """See Feature."""
        if self.peer is None:
            return
        self._stop_waiting()
        player, self._sink.receiving = self._sink.receiving, None
        if player is not None:
            self.packets.server = None
            self._depart(player)
            self.packets.set_fence()
        connection = self.node._connection
        if connection is not None and connection.phase is Phase.OPEN:
            self._await_id(connection)  # The session is over, and the connection goes on without it.
        self.refresh()

    def _await_id(self, connection: Connection) -> None:
        self._stop_waiting()
        self._id_deadline = hub.deadlines.of_answer(
            self.node.connect_timeout,
            lambda: connection.give_up(PROTOCOL_ERROR, "the server told no peer id within connect_timeout"),
        )

    def _stop_waiting(self) -> None:
        if self._id_deadline is not None:
            self._id_deadline.cancel()
            self._id_deadline = None

    def greeted(self, connection: Connection, message: str | bytes) -> None:
        """See packets.pyi."""
        if self._is_closed:
            return  # A packet that was on the way when the game closed the peer.
        peer_id = 0
        if isinstance(message, bytes) and len(message) == _ID_SIZE:
            peer_id = int.from_bytes(message, "little", signed=True)
        if peer_id >= _FIRST_ID:
            self._stop_waiting()
            self._told_id = peer_id
            player = Player(self.node, SERVER_ID, self.node.max_queued_bytes)
            self._sink.receiving = player
            self._arrive(player)
        elif connection.phase is Phase.OPEN:
            self.node._count("closed_no_peer_id")
            connection.give_up(PROTOCOL_ERROR, "the server did not begin with a peer id")

    def status_changed(self) -> None:
        """See Feature."""
        if self.peer is not None and self.node.status == self.node.Status.STATUS_CONNECTING:
            self._is_closed = self.packets.is_lost = False  # The game has called connect_to_url(), so it knows.
        self.refresh()

    def forget(self) -> None:
        """See Feature."""
        self._stop_waiting()
        super().forget()

    def _status_of_now(self) -> ConnectionStatus:
        status, known = self.node.status, self.node.Status
        if self._is_closed:
            return ConnectionStatus.CONNECTION_DISCONNECTED
        if self.packets.server is not None or self._departed:
            return ConnectionStatus.CONNECTION_CONNECTED
        if status in (known.STATUS_CONNECTING, known.STATUS_ACTIVE, known.STATUS_RECONNECTING):
            return ConnectionStatus.CONNECTION_CONNECTING
        if self.node._begins_by_itself():
            return ConnectionStatus.CONNECTION_CONNECTING
        return ConnectionStatus.CONNECTION_DISCONNECTED

    def _tell(self) -> None:
        packets = self.packets
        if self._departed:
            if not any(player.waiting for player in self._departed):
                self._departed.clear()
                self.peer.peer_disconnected.emit(SERVER_ID)
                # The game is to see it before it sees the next connection, of which the next poll tells.
                packets.is_lost = True
        elif self._arrived:
            player, _ = self._arrived.popitem(last=False)
            packets.server = player
            packets.unique_id = self._told_id
            packets.remove_fence()
            player.is_announced = True
            self.refresh()
            self.peer.peer_connected.emit(SERVER_ID)

    def disconnect_peer(self, peer_id: int, force: bool) -> None:
        """See MultiplayerPeer."""
        if self._is_forgotten or hub.refuses("disconnect_peer"):
            return
        if peer_id != SERVER_ID:
            _log.error("disconnect_peer: a client has one peer only, its server (1)")
        elif force:
            self.close()
        else:
            self.node.close()

    def close(self) -> None:
        """See MultiplayerPeer."""
        if self._is_forgotten or hub.refuses("close"):
            return
        self._drop_all()
        self._sink.receiving = None
        self._stop_waiting()
        self.packets.remove_fence()
        self._is_closed = True
        self.node.close()
        self.refresh()

    def _give_up(self, player: Player) -> None:
        connection = player.endpoint._connection
        if connection.phase is Phase.OPEN:
            connection.give_up(POLICY_VIOLATION, "no room for a reliable packet")
        else:
            self.node.close()
