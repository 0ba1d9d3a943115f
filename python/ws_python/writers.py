"""Who has something to write: each is flushed once, at the end of the running poll or of the frame."""

from __future__ import annotations

import logging
from collections.abc import Callable

_log = logging.getLogger("ws_python")


class Writer:
    """What has bytes to write."""

    def __init__(self) -> None:
        # It was added to the Writers, and not flushed since.
        self._writing_soon = False

    def flush(self) -> None:
        """Hand everything queued to the operating system."""
        raise NotImplementedError


class Writers:
    """The writers that wait."""

    def __init__(self) -> None:
        self._waiting: list[Writer] = []
        # How many polls are under way: a handler may poll, too.
        self.polls = 0
        # Called when the first one is added outside a poll. A host that knows when its frame ends may assign its own.
        self.request_flush: Callable[[], None] = lambda: None

    def add(self, writer: Writer) -> None:
        """Have `writer` flushed at the end of the running poll; if none is running, when `request_flush` sees to it."""
        if writer._writing_soon:
            return
        writer._writing_soon = True
        self._waiting.append(writer)
        if not self.polls and len(self._waiting) == 1:
            self.request_flush()

    def flush(self) -> None:
        """Flush the writers that wait, and those that come in the meantime."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            for writer in waiting:
                writer._writing_soon = False
                try:
                    writer.flush()
                except Exception:  # It is not the fault of those behind it.
                    _log.exception("what was sent could not be written")

    def clear(self) -> None:
        """Forget who waits."""
        for writer in self._waiting:
            writer._writing_soon = False
        self._waiting = []


writers = Writers()
