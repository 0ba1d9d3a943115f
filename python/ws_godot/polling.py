"""What server and client nodes share: when the engine polls them, and what becomes of them when they are freed."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from pythonscript import export
from pythonscript.godot import Node

if TYPE_CHECKING:
    _Base: Any = Node
else:
    _Base = object


class ProcessCallback(IntEnum):
    """When a node polls the network by itself."""

    PROCESS_IDLE = 0
    PROCESS_PHYSICS = 1
    PROCESS_MANUAL = 2


class PollingNode(_Base):
    """Polls once a frame, for all servers and clients together: two nodes that poll in one frame turn the loop once."""

    ProcessCallback = ProcessCallback

    process_callback: ProcessCallback = export(
        ProcessCallback.PROCESS_IDLE,
        doc="When the node polls the network: in `_process`, in `_physics_process`, or only when poll() is called.",
    )

    def __init__(self) -> None:
        super().__init__()
        # A paused game must not drop its players.
        self.process_mode = Node.PROCESS_MODE_ALWAYS
        self._engine = _engine()

    def _process(self, delta: float) -> None:
        if self.process_callback == ProcessCallback.PROCESS_IDLE:
            self._poll_frame(2 * self._engine.get_process_frames())

    def _physics_process(self, delta: float) -> None:
        if self.process_callback == ProcessCallback.PROCESS_PHYSICS:
            self._poll_frame(2 * self._engine.get_physics_frames() + 1)

    def _notification(self, what: int) -> None:
        if what == Node.NOTIFICATION_PREDELETE:
            self.set_block_signals(True)  # A handler would find a node that is half gone.
            self._shut_down()

    def _shut_down(self) -> None:
        """Closes what is open. For the derived class."""
        raise NotImplementedError


def _engine() -> Any:
    from pythonscript.godot import Engine

    return Engine
