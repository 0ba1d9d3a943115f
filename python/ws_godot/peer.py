"""The node of one connection of a server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import ws_python
from pythonscript.godot import Node
from ws_python.declare.events import silence
from ws_python.loop.hub import hub
from ws_python.protocol.close_codes import GOING_AWAY

from . import shortcuts
from .members import members_of
from .request import WebSocketRequest
from .requesting import GivesReplies
from .signal_times import tells_signal_times

_log = logging.getLogger("ws_python")

_ORPHAN = "WebSocketPeerNode has no connection: only a WebSocketServer makes those that have one"


@tells_signal_times
class WebSocketPeerNode(
    GivesReplies,
    ws_python.WebSocketPeer,
    Node,
    tool=True,
    creatable=False,
    icon="res://addons/ws_python/icons/WebSocketPeerNode.svg",
    members=members_of(ws_python.WebSocketPeer),
    shortcuts=shortcuts.PEER_SHORTCUTS,
):
    """One connection of a WebSocketServer: a child node of it, made and freed by it.

    Get it with ``get_peer(peer_id)`` of the server, or find it among the server's children, and use it to send to this
    connection, to close it, or to ask who is there. Its method names are those of the engine's own WebSocketPeer. One
    that you make yourself has no connection, says so as an error when it enters the tree, and sends nothing.

    ``request`` tells what the client asked for, and keeps what the server's ``authorizer`` found out of it;
    get_statistics() what went through this connection.

    When the node is freed, its connection is closed with code 1001 (going away) behind what was sent; its server tells
    that as usual, by ``client_disconnected``.
    """

    def __init__(self) -> None:
        super().__init__()
        # The server takes its peer back. None: no server has made this.
        self._when_freed: Callable[[WebSocketPeerNode], None] | None = None
        # The engine frees it, perhaps on another thread at this very moment: nobody may touch the node any more.
        self._is_going = False

    def _request(self) -> WebSocketRequest | None:
        return None if self._connection is None else WebSocketRequest._of(self._connection)

    request = property(_request, doc=ws_python.WebSocketPeer.request.__doc__)

    def _explain_unsent(self, method: str) -> None:
        if self._when_freed is None:
            _log.error("%s: this %s; use get_peer() of the server", method, _ORPHAN)

    def _notification(self, what: int) -> None:
        if what == Node.NOTIFICATION_ENTER_TREE and self._when_freed is None and not self.is_queued_for_deletion():
            _log.error("This %s; use get_peer() of the server", _ORPHAN)
        elif what == Node.NOTIFICATION_PARENTED:
            # duplicate() of a server copies its children, too; the connections are not copied.
            if self._when_freed is None and isinstance(self.get_parent(), ws_python.WebSocketServer):
                self.queue_free()
        elif what == Node.NOTIFICATION_PREDELETE:
            # The server goes on to deliver what is on the way, but nobody can listen to a freed node's signals.
            silence(self)
            self._is_going = True
            hub.call_where_polled(partial(self.close, GOING_AWAY))
            if self._when_freed is not None:
                self._when_freed(self)
