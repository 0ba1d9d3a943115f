"""What server and client nodes share: when the engine polls them, and what becomes of them when they are freed."""

from __future__ import annotations

from enum import IntEnum

from pythonscript import export
from pythonscript.godot import Engine, Node

from . import latency

# Looked up once, as both are needed in each frame.
_process_frames = Engine.get_process_frames
_physics_frames = Engine.get_physics_frames
_INTERNAL_PROCESS = Node.NOTIFICATION_INTERNAL_PROCESS
_INTERNAL_PHYSICS_PROCESS = Node.NOTIFICATION_INTERNAL_PHYSICS_PROCESS


class PollingNode(Node, abstract=True):
    """Polls once a frame, for all servers and clients together: two nodes that poll in one frame turn the loop once."""

    class ProcessCallback(IntEnum):
        """When a node polls the network by itself."""

        PROCESS_IDLE = 0
        PROCESS_PHYSICS = 1
        PROCESS_MANUAL = 2

    process_callback: ProcessCallback = export(
        ProcessCallback.PROCESS_IDLE,
        doc="When the node polls the network: in `_process`, in `_physics_process`, or only when poll() is called.",
    )

    low_latency: bool = export(
        False,
        doc="In a run without a window, wait for the network in place of the engine's sleep between frames, so that a "
        "message is handled when it arrives and not up to 6.9 ms later. It costs no processor time while nothing "
        "arrives. For `process_callback` idle.",
    )

    def __init__(self) -> None:
        super().__init__()
        self._has_low_latency = False
        # A paused game must not drop its players.
        self.process_mode = Node.PROCESS_MODE_ALWAYS

    def _notification(self, what: int) -> None:
        # Not _ready() and _process(): a script on the node may have its own, which the engine calls in place of these.
        if what == _INTERNAL_PROCESS:
            if self.low_latency != self._has_low_latency:
                self._set_low_latency(self.low_latency)
            if self.process_callback == _PROCESS_IDLE:
                self._poll_frame(2 * _process_frames())
        elif what == _INTERNAL_PHYSICS_PROCESS:
            if self.process_callback == _PROCESS_PHYSICS:
                self._poll_frame(2 * _physics_frames() + 1)
        elif what == Node.NOTIFICATION_READY:
            if self.process_mode == Node.PROCESS_MODE_INHERIT:
                # The editor's placeholder of a node is an engine's node, and saves the engine's default with the scene.
                self.process_mode = Node.PROCESS_MODE_ALWAYS
            self.set_process_internal(True)
            self.set_physics_process_internal(True)
            self._start()
        elif what == Node.NOTIFICATION_EXIT_TREE:
            self._set_low_latency(False)
        elif what == Node.NOTIFICATION_PREDELETE:
            self.set_block_signals(True)  # A handler would find a node that is half gone.
            self._shut_down()

    def _set_low_latency(self, wanted: bool) -> None:
        self._has_low_latency = wanted
        if wanted:
            latency.want(self)
        else:
            latency.release(self)

    def _start(self) -> None:
        """Does what the node is to do as soon as it is ready. For the derived class."""
        raise NotImplementedError

    def _poll_frame(self, frame: int) -> None:
        """Polls once for each number. What is derived brings it along from ws_python."""
        raise NotImplementedError

    def _shut_down(self) -> None:
        """Closes what is open. For the derived class."""
        raise NotImplementedError


_PROCESS_IDLE = PollingNode.ProcessCallback.PROCESS_IDLE
_PROCESS_PHYSICS = PollingNode.ProcessCallback.PROCESS_PHYSICS
