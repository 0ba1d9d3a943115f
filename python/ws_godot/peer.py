"""The node of one connection of a server."""

from __future__ import annotations

import ws_python
from pythonscript.godot import Node

from .members import members_of


class WebSocketPeerNode(ws_python.WebSocketPeer, Node, members=members_of(ws_python.WebSocketPeer)):
    __doc__ = ws_python.WebSocketPeer.__doc__
