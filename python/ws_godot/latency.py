"""`low_latency`: waiting for the network in place of the engine's sleep between frames, in runs without a window.

Without a window the engine sleeps `OS.low_processor_usage_mode_sleep_usec` after each frame, 6.9 ms by default, and a
message that arrives then waits for the frame after. While any node here wants low latency, that sleep is next to
nothing, and the hub waits in its place: as long, or until the network has something, without using the processor.
`Engine.max_fps`, where it is set, still limits the frames.
"""

from __future__ import annotations

from pythonscript import godot
from pythonscript.godot import OS, Engine, Object
from ws_python.loop.hub import hub

_SHORTEST_SLEEP = 1  # usec; the engine refuses 0.

_wanting: set[Object] = set()
_engine_sleep = 0  # usec; what the engine had before


def want(node: Object) -> None:
    """From now on `node` wants low latency. With a window nothing changes: there the frames have their own rhythm.

    Nor does it in the editor, which has other work, also without a window.
    """
    global _engine_sleep
    if godot.DisplayServer.get_name() != "headless" or Engine.is_editor_hint():
        return
    if not _wanting:
        _engine_sleep = OS.low_processor_usage_mode_sleep_usec
        OS.low_processor_usage_mode_sleep_usec = _SHORTEST_SLEEP
        hub.host.frame_wait = _engine_sleep / 1e6
    _wanting.add(node)


def release(node: Object) -> None:
    """`node` no longer wants it; the engine gets its sleep back from the last one, unless the game has set another."""
    if node not in _wanting:
        return
    _wanting.remove(node)
    if not _wanting:
        hub.host.frame_wait = 0.0
        if OS.low_processor_usage_mode_sleep_usec == _SHORTEST_SLEEP:
            OS.low_processor_usage_mode_sleep_usec = _engine_sleep
