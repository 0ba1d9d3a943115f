"""The client node."""

from __future__ import annotations

import ws_python

from . import shortcuts
from .members import members_of
from .polling import PollingNode


class WebSocketClient(
    ws_python.WebSocketClient,
    PollingNode,
    icon="res://addons/ws_python/icons/WebSocketClient.svg",
    members=members_of(ws_python.WebSocketClient),
    shortcuts=shortcuts.CLIENT_SHORTCUTS,
):
    """A WebSocket client: it connects, reconnects if told to, sends and receives.

    Add the node to a scene, connect its signals, and set ``url`` and ``autoconnect`` or call connect_to_url(). That
    never blocks: it is answered by either ``connected_to_server`` or ``connection_failed``. The node polls the network
    by itself once a frame, also while the game is paused; signals are emitted then and at no other time, so a handler
    may call anything.

    When the node is freed, the connection is closed with code 1001 (going away), without further signals.
    """

    def __init__(self) -> None:
        super().__init__()
        shortcuts.accompany(self)

    def _new_sink(self) -> ws_python.Sink:
        return shortcuts.ClientSink(self.message_received)  # type: ignore[arg-type]

    def _start(self) -> None:
        if self.autoconnect and self.status == self.Status.STATUS_IDLE:
            self.connect_to_url()
