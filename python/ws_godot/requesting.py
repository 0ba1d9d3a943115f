"""Requests in GDScript's terms: `await` waits for a reply, and values of the engine may be asked with."""

from __future__ import annotations

from typing import Any, ClassVar

import ws_python
from pythonscript import awaited
from pythonscript.godot import Object
from ws_python.features.later_answers import Answered, LaterAnswers

from .payloads import VariantPayloads
from .reply import WebSocketReply


class GodotRequests(LaterAnswers):
    """For a server or client. Comes before the class of ws_python in a node's bases, as the others here do."""

    _PAYLOADS = VariantPayloads()

    def _answers_later(self, value: object, answered: Answered) -> bool:
        # What a GDScript function that awaits returns at first. What it awaits keeps it.
        if isinstance(value, Object) and value.get_class() == "GDScriptFunctionState":
            value.connect("completed", answered.settle, Object.CONNECT_ONE_SHOT)  # type: ignore[arg-type]
            completed: Any = value.completed  # type: ignore[attr-defined]  # It does not keep its object.
            answered.is_coming = lambda: completed.get_object() is not None
            return True
        return super()._answers_later(value, answered)


class GivesReplies:
    """For a peer, which has another `request`."""

    _REPLY: ClassVar[type[ws_python.WebSocketReply]] = WebSocketReply


class AwaitsReplies(GivesReplies):
    """For a client."""

    @awaited
    def request(self, method: str, data: Any = None, timeout: float = 0.0) -> WebSocketReply:  # noqa: D102
        reply: WebSocketReply = self.start_request(method, data, timeout)  # type: ignore[attr-defined]
        return reply.wait()

    request.__doc__ = ws_python.WebSocketClient.request.__doc__


class AwaitsRepliesOfPeers(GivesReplies):
    """For a server."""

    @awaited
    def request(self, peer_id: int, method: str, data: Any = None, timeout: float = 0.0) -> WebSocketReply:  # noqa: D102
        reply: WebSocketReply = self.start_request(peer_id, method, data, timeout)  # type: ignore[attr-defined]
        return reply.wait()

    request.__doc__ = ws_python.WebSocketServer.request.__doc__
