"""The simulation of a bad network, as a resource of the engine."""

from __future__ import annotations

import logging

import ws_python
from pythonscript import godot
from pythonscript.godot import Resource
from ws_python.net.simulation import Draws, Simulated

from .members import members_of

_log = logging.getLogger("ws_python")


class WebSocketSimulation(  # noqa: D101  # See below.
    ws_python.WebSocketSimulation,
    Resource,
    tool=True,
    members=members_of(ws_python.WebSocketSimulation),
):
    __doc__ = f"""{ws_python.WebSocketSimulation.__doc__}
    A release build that uses one says so once in the log, by a warning.
    """

    _has_warned = False

    def _begin(self, simulated: Simulated) -> Draws:
        if not WebSocketSimulation._has_warned and not godot.OS.is_debug_build():
            WebSocketSimulation._has_warned = True
            _log.warning("simulation: this release build simulates a bad network; set it to null before you publish")
        return super()._begin(simulated)

    def _changed(self) -> None:
        self.emit_changed()
