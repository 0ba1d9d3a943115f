"""The client node."""

from __future__ import annotations

import ws_python
from pythonscript.godot import Node

from .members import members_of
from .polling import PollingNode


class WebSocketClient(PollingNode, ws_python.WebSocketClient, Node, members=members_of(ws_python.WebSocketClient)):
    __doc__ = ws_python.WebSocketClient.__doc__

    def _ready(self) -> None:
        if self.autoconnect:
            self.connect_to_url()

    def _shut_down(self) -> None:
        self._end()
