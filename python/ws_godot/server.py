"""The server node."""

from __future__ import annotations

import ws_python
from pythonscript.godot import Node

from .members import members_of
from .peer import WebSocketPeerNode
from .polling import PollingNode


class WebSocketServer(PollingNode, ws_python.WebSocketServer, Node, members=members_of(ws_python.WebSocketServer)):
    __doc__ = ws_python.WebSocketServer.__doc__

    def _ready(self) -> None:
        if self.autostart:
            self.listen()

    def _new_peer(self, peer_id: int) -> WebSocketPeerNode:
        peer = WebSocketPeerNode()
        peer.name = f"Peer{peer_id}"
        self.add_child(peer)
        return peer

    def _drop_peer(self, peer: ws_python.WebSocketPeer) -> None:
        if isinstance(peer, Node) and peer.is_instance_valid():
            peer.queue_free()

    def _shut_down(self) -> None:
        self.stop()
