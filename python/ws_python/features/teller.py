"""Log lines that strangers cause: bounded for each of them, for each cause, and over all."""

from __future__ import annotations

import logging
from typing import Any

from ..connection.connection import Connection
from ..loop.deadlines import Deadline
from ..loop.hub import hub

_log = logging.getLogger("ws_python")

# Seconds of polled time between two lines about the same one.
_PERIOD = 1.0
# Lines that may come at once, and how many more in a second, about all together.
_MOST_LINES = 10
_LINES_PER_SECOND = 1.0
# Seconds after which the lines that were left out are told by their number.
_SUMMED_UP_AFTER = 10.0
# Within so many seconds each cause is told once, and so many causes in all.
_PERIOD_OF_CAUSES = 60.0
_MOST_CAUSES = 8


class Teller:
    """Logs warnings of one server or client: at most one about the same stranger in a second, and few in all."""

    def __init__(self) -> None:
        # When somebody was told of, the first one first. It holds no more than may be told in a period.
        self._told: dict[str, float] = {}
        self._lines = float(_MOST_LINES)
        self._lines_at = hub.deadlines.now
        self._left_out = 0
        self._sum_up_soon: Deadline | None = None

    def tell(self, whom: str, message: str, *arguments: Any) -> None:
        """Log `whom` and the message, formatted with the arguments, or leave it out where too much was told."""
        now = hub.deadlines.now
        while self._told and now - next(iter(self._told.values())) >= _PERIOD:
            del self._told[next(iter(self._told))]
        self._lines = min(_MOST_LINES, self._lines + _LINES_PER_SECOND * (now - self._lines_at))
        self._lines_at = now
        if whom in self._told or self._lines < 1.0:
            self._leave_out()
            return
        self._told[whom] = now
        self._lines -= 1.0
        _log.warning("%s: " + message, whom, *arguments)

    def _leave_out(self) -> None:
        self._left_out += 1
        if self._sum_up_soon is None:
            self._sum_up_soon = hub.deadlines.after(_SUMMED_UP_AFTER, self._sum_up)

    def _sum_up(self) -> None:
        count, self._left_out, self._sum_up_soon = self._left_out, 0, None
        _log.warning("of limits and refusals, %d further ones were not told, each of which is counted", count)


class Told:
    """Which causes one feature has told of lately: of what does not depend on who it is that causes it."""

    def __init__(self) -> None:
        self._until = 0.0
        self._causes: set[str] = set()

    def is_new(self, cause: str) -> bool:
        """Whether `cause` is to be told now; then it counts as told."""
        now = hub.deadlines.now
        if now >= self._until:
            self._until = now + _PERIOD_OF_CAUSES
            self._causes.clear()
        if cause in self._causes or len(self._causes) == _MOST_CAUSES:
            return False
        self._causes.add(cause)
        return True


def who(connection: Connection) -> str:
    """How to call the other side of a connection in the log."""
    peer_id = connection.intake.peer_id
    return f"peer {peer_id} ({connection.host})" if peer_id else connection.host or "a local connection"


def place_of(error: BaseException) -> str:
    """An error of a user's function by its kind and place. Its text may hold a part of a message: nobody's business."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    if trace.tb_frame.f_code.co_filename.endswith(".pxi"):
        return f"{type(error).__name__}: {error}"  # The bridge tells that it could not be called.
    return f"{type(error).__name__} ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
