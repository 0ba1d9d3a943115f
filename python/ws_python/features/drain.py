"""Draining a server: nobody new comes in, and who is there is asked, one after the other, to come back later."""

from __future__ import annotations

import logging
import math
import random
from collections import deque
from http import HTTPStatus
from typing import Any

from ..connection.connection import Connection
from ..connection.phase import Phase
from ..connection.request import WebSocketRequest
from ..declare.errors import Error
from ..declare.events import event
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..protocol.close_codes import SERVICE_RESTART
from ..protocol.moves import Move, checked_url
from .feature import Answer, Feature

_log = logging.getLogger("ws_python")

_MOST_SECONDS = 86_400.0
# Of the close frame, for people.
_REASON = "the server restarts"
# Connections that are asked in one go: between two the time of the poll may be up.
_ASKED_AT_ONCE = 64


class Drains:
    """For a server with a Drain."""

    _drain: Drain

    drain_finished = event(
        doc="drain() has come to its end: no client is connected any more, and stop(), or the end of the game, "
        "interrupts nobody. Peers whose session may go on are still waited for (`session_timeout`)."
    )

    def drain(self, seconds: float, url: str = "") -> Error:
        """Empty the server, before a restart: take nobody new, and have everybody leave, spread over `seconds`.

        New connections are answered with HTTP 503 and Retry-After until stop(). Who is connected is closed with code
        1012 (service restart), each at its own moment, so that they do not all come back at once; what was sent before
        still leaves. A client in a session (see `session_timeout`) is told besides when and where to come back: at
        once to `url`, or, where that is empty, in `seconds` to where it was. Its session goes on if the server that it
        reaches knows it. Until a client's moment comes, all goes on as before.

        `drain_finished` follows, after `seconds` and `close_timeout` at the latest. Called again, the new time counts
        for all who are left: drain(0) sends them away now. `url` is one of a WebSocket server, as for connect_to_url()
        of a client, in ASCII; clients go from ws:// to wss://, but not the other way.

        Errors: ERR_UNCONFIGURED if the server does not listen, ERR_INVALID_PARAMETER for `seconds` that are not from 0
        to 86,400 or a bad URL, ERR_UNAVAILABLE on another thread than the main one.
        """
        server: Any = self
        if hub.refuses("drain"):
            return Error.ERR_UNAVAILABLE
        if not server.is_listening():
            _log.error("drain: the server does not listen; call listen() first")
            return Error.ERR_UNCONFIGURED
        if not 0.0 <= seconds <= _MOST_SECONDS:
            _log.error("drain: the seconds must be from 0 to %d, not %s", _MOST_SECONDS, seconds)
            return Error.ERR_INVALID_PARAMETER
        try:
            server._drain.start(float(seconds), checked_url(url) if url else "")
        except (ValueError, ImportError) as problem:
            _log.error("drain: %s", problem)
            return Error.ERR_INVALID_PARAMETER
        return Error.OK

    def _drained_out(self) -> None:
        """Nobody is connected any more. In a delivery."""
        self.drain_finished.emit()


class _Finished:
    """What waits in the inbox once nobody is left."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain

    def tell(self, server: Any, connection: object) -> None:
        """Tell it, unless the server was stopped since, or drains anew."""
        if self._drain.forget_finished(self):
            server._drained_out()


class Drain(Feature):
    """What one server, `node`, knows of who is to leave."""

    node: Any

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._drain = self
        self._is_draining = False
        self._until = 0.0
        self._move = Move(0)
        # Who is still there, and who of them is to be asked when, the next one first.
        self._left: set[Connection] = set()
        self._due: deque[tuple[float, Connection]] = deque()
        self._next: Deadline | None = None
        # drain_finished is still to be told; and what waits in the inbox to tell it.
        self._is_awaited = False
        self._finished: _Finished | None = None

    def start(self, seconds: float, url: str) -> None:
        """Begin, or begin anew."""
        hub.catch_up()
        now = hub.deadlines.now
        connections = [one for one in self.node._open_connections() if one.codec is not None]
        self._left = set(connections)
        random.shuffle(connections)
        share = seconds / max(1, len(connections))
        self._due = deque((now + share * (place + random.random()), one) for place, one in enumerate(connections))
        self._until = now + seconds
        self._move = Move(0 if url else round(seconds * 1000.0), url)
        self._is_draining = self._is_awaited = True
        self._finished = None
        self._go_on()

    def _go_on(self) -> None:
        """Wait for the next one who is due, or, where nobody is left, tell it."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._due:
            self._next = hub.deadlines.after(max(0.0, self._due[0][0] - hub.deadlines.now), self._ask_due)
        elif not self._left and self._is_awaited:
            self._is_awaited = False
            self._finished = finished = _Finished(self)
            # Not at once: whoever has called drain(), or is being told of the last one, has his say before.
            self._next = hub.deadlines.after(0.0, lambda: self.node._tell_later(finished))

    def _ask_due(self) -> None:
        for _ in range(_ASKED_AT_ONCE):
            if not self._due or self._due[0][0] > hub.deadlines.now:
                break
            self._ask(self._due.popleft()[1])
        self._go_on()

    def _ask(self, connection: Connection) -> None:
        if connection.phase is not Phase.OPEN:
            return
        if connection.outbox.lasts:
            connection.outbox.send_layer(self._move.pack())
            self.node._count("drained_sessions")
        else:
            self.node._count("drained_connections")
        connection.interrupt(SERVICE_RESTART, _REASON)

    def forget_finished(self, finished: _Finished) -> bool:
        """Whether that one is still to be told; it is not from now on."""
        is_it = finished is self._finished
        if is_it:
            self._finished = None
        return is_it

    # --- see Feature

    def admit(self, connection: Connection, request: WebSocketRequest) -> Answer | None:
        """See Feature."""
        if not self._is_draining:
            return None
        self.node._count("refused_draining")
        after = max(1, math.ceil(self._until - hub.deadlines.now))
        text = "This server is about to restart; try again later."
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, text, [("Retry-After", str(after))])

    def opened(self, connection: Connection) -> None:
        """See Feature. It was admitted before."""
        if self._is_draining and connection not in self._left:
            self._left.add(connection)
            self._due.appendleft((hub.deadlines.now, connection))
            self._go_on()

    def closed(self, connection: Connection) -> None:
        """See Feature."""
        if self._is_draining and connection in self._left:
            self._left.discard(connection)
            if not self._left:
                self._due.clear()
                self._go_on()

    def end(self) -> None:
        """See Feature."""
        self._is_draining = self._is_awaited = False
        self._finished = None
        self._left.clear()
        self._due.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def forget(self) -> None:
        """See Feature."""
        self.end()
