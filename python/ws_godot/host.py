"""What the engine adds to the loop: the end of its frames."""

from __future__ import annotations

from collections.abc import Callable

from pythonscript import call_at_frame_end
from ws_python.loop.host import Host


class GodotHost(Host):
    """What a game sends outside of a poll, in its own `_process`, leaves in the same frame and in one write."""

    def at_frame_end(self, callback: Callable[[], None]) -> bool:
        """See Host. False in Godot before 4.5."""
        return call_at_frame_end(callback)

    def running_loop(self) -> None:
        """See Host. Nodes are polled by the engine, whatever a script of the game's does with asyncio."""
