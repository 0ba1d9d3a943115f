"""Log lines that strangers cause: each cause once in a while, and few in all, however many strangers there are."""

from __future__ import annotations

from ..loop.hub import hub

# Within so many seconds each cause is told once, and so many causes in all.
_PERIOD = 60.0
_MOST_CAUSES = 8


class Told:
    """What was told lately by one feature of one server."""

    def __init__(self) -> None:
        self._until = 0.0
        self._causes: set[str] = set()

    def is_new(self, cause: str) -> bool:
        """Whether `cause` is to be told now; then it counts as told."""
        now = hub.deadlines.now
        if now >= self._until:
            self._until = now + _PERIOD
            self._causes.clear()
        if cause in self._causes or len(self._causes) == _MOST_CAUSES:
            return False
        self._causes.add(cause)
        return True
