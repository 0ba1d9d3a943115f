"""What server and client nodes share: when they begin, when the engine polls them, and what becomes of a freed one."""

from __future__ import annotations

import logging
from enum import IntEnum

from pythonscript import export
from pythonscript.godot import Engine, Node
from ws_python.features.statistics import Record
from ws_python.loop.hub import hub

from . import latency, monitors
from .shortcuts import poll_frame

_log = logging.getLogger("ws_python")

# When a node begins or ceases to be processed.
_PROCESSED_OR_NOT = (
    Node.NOTIFICATION_ENTER_TREE,
    Node.NOTIFICATION_PAUSED,
    Node.NOTIFICATION_UNPAUSED,
    Node.NOTIFICATION_DISABLED,
    Node.NOTIFICATION_ENABLED,
)
# Ours, far from the engine's: what a node sends itself by a deferred call, which needs a method that the engine knows.
_NOTIFICATION_BEGIN = 5_766_100
_NOTIFICATION_CHOOSE = 5_766_101


class PollingNode(Node, abstract=True):
    """Polls once a frame, for all servers and clients together: two nodes that poll in one frame turn the loop once."""

    class ProcessCallback(IntEnum):
        """When a node polls the network by itself."""

        PROCESS_IDLE = 0
        PROCESS_PHYSICS = 1
        PROCESS_MANUAL = 2

    def _choose_frames(self) -> None:
        """Has the engine call in the frames in which the node polls, and in no others."""
        if self._chooses_later():
            return
        polls = self._has_begun or not Engine.is_editor_hint()
        self.set_process_internal(polls and self.process_callback == _PROCESS_IDLE)
        self.set_physics_process_internal(polls and self.process_callback == _PROCESS_PHYSICS)
        self._choose_latency()

    def _chooses_later(self) -> bool:
        """On another thread than the main one, where the engine refuses it to a node in the tree: after the frame."""
        if not (hub.is_elsewhere() and self.is_inside_tree()):
            return False
        self.call_deferred("notification", _NOTIFICATION_CHOOSE)
        return True

    def _choose_latency(self) -> None:
        if self._chooses_later():
            return
        # While nobody polls in idle frames nobody waits in them either: without its sleep the engine would spin.
        waits = self.low_latency and self.process_callback == _PROCESS_IDLE
        if waits and self.is_inside_tree() and self.can_process():
            latency.want(self)
        else:
            latency.release(self)

    process_callback: ProcessCallback = export(
        ProcessCallback.PROCESS_IDLE,
        changed=_choose_frames,
        group="Polling",
        doc="When the node polls the network: in `_process`, in `_physics_process`, or only when poll() is called. It "
        "goes on while the game is paused, for its `process_mode` is Always by default. For a node that stops with the "
        "game choose Pausable, or Inherit below a node that stops.",
    )

    low_latency: bool = export(
        False,
        changed=_choose_latency,
        doc="In a run without a window, wait for the network in place of the engine's sleep between frames, so that a "
        "message is handled when it arrives and not up to 6.9 ms later. It costs no processor time while nothing "
        "arrives. For `process_callback` idle; otherwise, while the node is not processed, and in the editor, it does "
        "nothing.",
    )

    def __init__(self) -> None:
        super().__init__()
        # It is ready, and not yet in the deferred call that begins what is to begin by itself.
        self._is_to_begin = False
        # Something was opened, now or before. In the editor, a node of which that is not true is never called.
        self._has_begun = False
        self._has_told_thread_group = False
        # A paused game must not drop its players.
        self.process_mode = Node.PROCESS_MODE_ALWAYS

    def _notification(self, what: int) -> None:
        # Not _ready() and _process(): a script on the node may have its own, which the engine calls in place of these.
        if poll_frame(self, what):
            return
        if what in _PROCESSED_OR_NOT:
            self._choose_latency()
            if what == Node.NOTIFICATION_ENTER_TREE and self._is_to_begin:
                self._begin_soon()
        elif what == Node.NOTIFICATION_READY:
            self._choose_frames()
            # A scene that is open in the editor is not running, and a plugin says itself when to begin.
            if not Engine.is_editor_hint():
                self._is_to_begin = True
                self._begin_soon()
        elif what == _NOTIFICATION_BEGIN:
            if self._is_to_begin and self.is_inside_tree() and not self.is_queued_for_deletion():
                self._is_to_begin = False
                self._begin()
        elif what == _NOTIFICATION_CHOOSE:
            self._choose_frames()
        elif what == Node.NOTIFICATION_EXIT_TREE:
            latency.release(self)
        elif what == Node.NOTIFICATION_PREDELETE:
            self.set_block_signals(True)  # A handler would find a node that is half gone.
            self._shut_down()
            if isinstance(self, Record):
                monitors.release(self)

    def _begin_soon(self) -> None:
        """Begin when the nodes around are ready, too: a handler of `status_changed` may use them."""
        self.call_deferred("notification", _NOTIFICATION_BEGIN)

    def _tell_thread_group(self) -> None:
        """The node is processed on another thread, and the engine has no end of its frames to poll at."""
        if not self._has_told_thread_group:
            self._has_told_thread_group = True
            _log.error(
                "%s: process_thread_group puts it on a thread of its own, where it cannot poll in Godot before 4.5; "
                "choose Main Thread",
                self.name,
            )

    def _note_status(self) -> None:
        """To be called when the status changes: something is open now, or was."""
        if not self._has_begun:
            self._has_begun = True
            if Engine.is_editor_hint():
                self._choose_frames()
            elif isinstance(self, Record):
                monitors.watch(self)

    def _begin(self) -> None:
        """Does what the node is to do by itself. For the derived class."""
        raise NotImplementedError

    def _shut_down(self) -> None:
        """Closes what is open, without further signals. What is derived brings it along from ws_python."""
        raise NotImplementedError


_PROCESS_IDLE = PollingNode.ProcessCallback.PROCESS_IDLE
_PROCESS_PHYSICS = PollingNode.ProcessCallback.PROCESS_PHYSICS
