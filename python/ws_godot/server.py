"""The server node."""

from __future__ import annotations

from enum import IntEnum

import ws_python
from pythonscript.godot import Node

from . import shortcuts
from .members import members_of
from .multiplayer import GodotPlays
from .peer import WebSocketPeerNode
from .polling import PollingNode
from .request import WebSocketRequest
from .requesting import AwaitsRepliesOfPeers, GodotRequests
from .signal_times import tells_signal_times
from .termination import DrainsOnTerminate, TerminationSettings
from .tls import GodotTls


@tells_signal_times
class WebSocketServer(  # type: ignore[misc]
    GodotTls,
    GodotRequests,
    AwaitsRepliesOfPeers,
    DrainsOnTerminate,
    TerminationSettings,
    GodotPlays,
    ws_python.WebSocketServer,
    PollingNode,
    tool=True,
    icon="res://addons/ws_python/icons/WebSocketServer.svg",
    members=members_of(ws_python.WebSocketServer, PollingNode, further=TerminationSettings),
    shortcuts=shortcuts.SERVER_SHORTCUTS,
):
    """A WebSocket server: it listens, accepts, and owns one WebSocketPeerNode for each connection.

    Add the node to a scene, connect its signals, and set ``autostart`` or call listen(). It polls the network by itself
    once a frame, also while the game is paused. In the editor it does the same once a ``@tool`` script or a plugin has
    called listen(); ``autostart`` counts in the running game only. Methods and signals are named as in the engine's
    demo ``networking/websocket_chat``.

    It speaks wss:// with a ``tls_certificate``, or with ``tls_options``. ``allowed_origins`` says the pages of which
    sites may connect, and ``authorizer``, a function of yours, who may at all; sign_token() makes what a player shows
    it. Behind a reverse proxy set ``trusted_proxies``. Connections and messages have limits, each with its property;
    ``supervisor`` sees each message before the game does. Who takes too little makes sending return ERR_BUSY until
    ``peer_drained``; send_latest() is for what is soon out of date. With ``simulation`` you see how the game feels on a
    bad network. get_statistics() tells what all this came to, as do the monitors under ``WebSocket`` in the editor's
    Debugger.

    When the node is freed, every connection is closed with code 1001 (going away), without further signals. What was
    sent still leaves, within ``close_timeout``; so it does when the scene changes, and within a second when the game
    quits.

    A change of a limit or a timeout, of compression, or of what is negotiated counts for the connections that come
    after it; one of ``port``, ``bind_address`` or of the Unix socket from the next listen() on; one of any other
    property, of the heartbeat, of ``slow_peer_timeout``, and of what unfinished messages may take, at once.
    """

    _REQUEST = WebSocketRequest

    def __init__(self) -> None:
        super().__init__()
        shortcuts.accompany(self)

    def _begin(self) -> None:
        if self.autostart and not self.is_listening():
            self.listen()

    def _set_status(self, status: IntEnum) -> None:
        self._note_status()
        super()._set_status(status)

    def _new_sink(self) -> shortcuts.ServerSink:
        return shortcuts.ServerSink(self.message_received)  # type: ignore[arg-type]

    def _new_peer(self, peer_id: int) -> WebSocketPeerNode:
        peer = WebSocketPeerNode()
        peer._when_freed = self._forget_peer
        peer.name = f"Peer{peer_id}"
        return peer

    def _show_peer(self, peer: ws_python.WebSocketPeer) -> None:
        # While the engine sets up what is below the server, poll() of a child's _ready() brought us here.
        assert isinstance(peer, Node)  # _new_peer() has made it.
        if self.is_node_ready() or not self.is_inside_tree():
            self.add_child(peer)
        if peer.is_instance_valid() and peer.get_parent() is None:
            self.call_deferred("add_child", peer)

    def _forget_peer(self, peer: WebSocketPeerNode) -> None:
        """The game frees the node: its id is nobody's any more, `client_disconnected` follows."""
        if self.get_peer(peer.peer_id) is peer:
            self._peers.remove(peer.peer_id)

    def _drop_peer(self, peer: ws_python.WebSocketPeer) -> None:
        if isinstance(peer, WebSocketPeerNode) and not peer._is_going and peer.is_instance_valid():
            peer.queue_free()

    def _shut_down(self) -> None:
        for child in self.get_children():
            if isinstance(child, WebSocketPeerNode):
                child._is_going = True  # The engine frees it with its parent.
        super()._shut_down()
