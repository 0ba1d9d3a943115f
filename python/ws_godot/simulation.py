"""The simulation of a bad network, as a resource of the engine."""

from __future__ import annotations

import logging

import ws_python
from pythonscript import godot
from pythonscript.godot import Resource
from ws_python.net.simulation import Draws, Simulated

from .members import members_of

_log = logging.getLogger("ws_python")


class WebSocketSimulation(
    ws_python.WebSocketSimulation,
    Resource,
    tool=True,
    members=members_of(ws_python.WebSocketSimulation),
):
    """A bad network, for the ``simulation`` of a WebSocketServer, WebSocketClient or WebSocketPeerNode.

    With it you see how the game feels on a train: make one in the Inspector, or in a script, and change it while the
    game runs. It is at work on the bytes of a connection, below TLS and WebSocket, in both directions. As TCP does, it
    keeps the order and loses nothing but by a cut. One of a client and one of its server add up: a round trip is longer
    by twice the ``latency`` of each. A change counts at once, also for what is on its way. Nodes may share one.

    What is sent waits in it, up to what fits into about half a second more than it needs to arrive, and 4 MiB; beyond
    that sending waits, as for any slow receiver: see ``outbound_buffer_size``. Resolving the name, connecting by TCP
    and the words with a proxy are not simulated. A release build that uses one says so once in the log.
    """

    _has_warned = False

    def _begin(self, simulated: Simulated) -> Draws:
        if not WebSocketSimulation._has_warned and not godot.OS.is_debug_build():
            WebSocketSimulation._has_warned = True
            _log.warning("simulation: this release build simulates a bad network; set it to null before you publish")
        return super()._begin(simulated)

    def _changed(self) -> None:
        self.emit_changed()
