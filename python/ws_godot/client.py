"""The client node."""

from __future__ import annotations

from enum import IntEnum

import ws_python
from pythonscript.godot import TLSOptions
from ws_python import Error

from . import shortcuts
from .members import members_of
from .multiplayer import GodotPlays
from .polling import PollingNode
from .requesting import AwaitsReplies, GodotRequests
from .signal_times import tells_signal_times
from .tls import GodotTls


@tells_signal_times
class WebSocketClient(  # type: ignore[misc]
    GodotTls,
    GodotRequests,
    AwaitsReplies,
    GodotPlays,
    ws_python.WebSocketClient,
    PollingNode,
    tool=True,
    icon="res://addons/ws_python/icons/WebSocketClient.svg",
    members=members_of(ws_python.WebSocketClient, PollingNode),
    shortcuts=shortcuts.CLIENT_SHORTCUTS,
):
    """A WebSocket client: it connects, reconnects if told to, sends and receives.

    Add the node to a scene, connect its signals, and set ``url`` and ``autoconnect`` or call connect_to_url(). That
    never blocks: it is answered by either ``connected_to_server`` or ``connection_failed``. The node polls the network
    by itself once a frame, also while the game is paused. In the editor it does the same once a ``@tool`` script or a
    plugin has called connect_to_url(); ``autoconnect`` counts in the running game only. Methods and signals are named
    as in the engine's demo ``networking/websocket_chat``.

    With ``auto_reconnect`` a lost connection comes back by itself. A game sees ``connection_closed``, ``reconnecting``
    before each attempt, ``connection_failed`` after one that fails, and at the end ``connected_to_server`` and
    ``reconnected``; or the status idle, where it gives up. For the server it is a new client each time.

    A wss:// URL needs nothing else: the server's certificate is checked against the authorities that the system trusts,
    or against ``tls_trusted_ca`` or ``tls_options``. It goes through the proxies of the player's environment, see
    ``proxy``. Where the network is slower than the game, sending returns ERR_BUSY until ``drained``; send_latest() is
    for what is soon out of date; with ``simulation`` you see how that feels. ``supervisor`` sees each message before
    the game does. get_statistics() tells how often what went wrong, as do the monitors under ``WebSocket`` in the
    editor's Debugger.

    When the node is freed, the connection is closed with code 1001 (going away), without further signals. What was sent
    still leaves, within ``close_timeout``; so it does when the scene changes, and within a second when the game quits.

    A change of a limit or a timeout, of compression, of the proxy, or of what is negotiated counts for the next
    connection; one of any other property, of the heartbeat, of ``slow_peer_timeout``, and of what unfinished messages
    may take, at once.
    """

    def __init__(self) -> None:
        super().__init__()
        shortcuts.accompany(self)

    def connect_to_url(  # type: ignore[override]  # noqa: D102 - see below.
        self, url: str = "", tls_options: TLSOptions | None = None
    ) -> Error:
        return super().connect_to_url(url, tls_options)  # type: ignore[arg-type]  # See GodotTls.

    connect_to_url.__doc__ = ws_python.WebSocketClient.connect_to_url.__doc__

    def _new_sink(self) -> ws_python.Sink:
        return shortcuts.ClientSink(self.message_received)  # type: ignore[arg-type]

    def _begin(self) -> None:
        if self.autoconnect and self.status == self.Status.STATUS_IDLE:
            self.connect_to_url()

    def _set_status(self, status: IntEnum) -> None:
        self._note_status()
        super()._set_status(status)
