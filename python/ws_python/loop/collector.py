"""Python's garbage collector and many connections: a full pass looks at everything that lives, in one go, in a frame.

With 5,000 connections that takes 50 ms, again and again while more come. What a connection has is freed without the
collector: it holds no circle once it is over. Hence, each time some hundreds have come, everything that lives by then
is set aside (gc.freeze), and comes back when there are none left. An old circle of the user's that is garbage at just
that moment waits as long.
"""

from __future__ import annotations

import gc

# Connections that may come before what lives is set aside: a full pass over as many takes some 3 ms.
_MANY = 256


class Collector:
    """Told of each connection that opens and is over."""

    def __init__(self) -> None:
        self._open = 0
        self._new = 0
        self._is_aside = False

    def opened(self) -> None:
        """One more."""
        self._open += 1
        self._new += 1
        if self._new == _MANY:
            self._new = 0
            self._is_aside = True
            gc.collect(1)  # What is young and garbage: no more than came since the last few hundred.
            gc.freeze()

    def closed(self) -> None:
        """One less."""
        self._open -= 1
        if self._open == 0:
            self._new = 0
            if self._is_aside:
                self._is_aside = False
                gc.unfreeze()


collector = Collector()
