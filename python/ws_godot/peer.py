"""The node of one connection of a server."""

from __future__ import annotations

import ws_python
from pythonscript.godot import Node

from .members import members_of


class WebSocketPeerNode(ws_python.WebSocketPeer, Node, members=members_of(ws_python.WebSocketPeer)):
    """One connection of a WebSocketServer: a child node of it, made and freed by it.

    Get it with ``get_peer(peer_id)`` of the server, or find it among the server's children, and use it to send to this
    connection, to close it, or to ask who is there. Its method names are those of the engine's own WebSocketPeer.
    """
