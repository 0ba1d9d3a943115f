"""The reply to a request, as a class of the engine."""

from __future__ import annotations

import ws_python
from pythonscript import awaited
from pythonscript.godot import RefCounted
from ws_python import Error

from .members import members_of


class WebSocketReply(
    ws_python.WebSocketReply, RefCounted, tool=True, creatable=False, members=members_of(ws_python.WebSocketReply)
):
    """What comes of a request: ``data``, or an ``error`` with a ``message``.

    ``await client.request(...)`` gives it when it is completed. start_request() gives it before: then wait() for it,
    or connect ``completed``, or cancel() it. A handler returns one that fail() makes, to answer with an error.
    """

    @awaited
    def wait(self) -> WebSocketReply:
        """Wait until it is completed: `await reply.wait()`. Gives this object, at once where it is completed."""
        return self if self.is_completed else self.completed  # type: ignore[return-value]  # See awaited.

    @staticmethod
    def fail(error: Error = Error.FAILED, message: str = "") -> WebSocketReply:  # noqa: D102 - see below.
        return WebSocketReply._failed(error, message)

    fail.__doc__ = ws_python.WebSocketReply.fail.__doc__

    def _complete_later(self, error: Error, message: str) -> None:
        if self._set(error, message, None):
            self.call_deferred("emit_signal", "completed", self)
