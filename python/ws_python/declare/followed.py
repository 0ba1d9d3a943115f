"""What is made of settings, and follows them: a change counts from the next use on, a bad one leaves what was there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

_log = logging.getLogger("ws_python")

T = TypeVar("T")


class Followed(Generic[T]):
    """`make` makes it and raises ValueError with what is wrong in the settings; `read` gives what they are now.

    `names` are told where a change is bad, if the error does not name the settings itself.
    """

    def __init__(self, read: Callable[[], object], make: Callable[[], T], names: str = "") -> None:
        self._read = read
        self._make = make
        self._prefix = f"{names}: " if names else ""
        self._made: list[T] = []
        # What the settings were then, or when it was said that they are bad.
        self._settings: object = None

    def begin(self) -> None:
        """Make it, whatever was before. Raises ValueError."""
        settings = self._read()
        self._made = [self._make()]
        self._settings = settings

    def end(self) -> None:
        """It is not used any more, until begin()."""
        self._made.clear()

    def get(self) -> T:
        """It, by the settings of this moment; where they became bad, it is said once, and the last good ones count."""
        if self._settings != self._read():
            try:
                self.begin()
            except ValueError as error:
                self._settings = self._read()
                _log.error("%s%s; what was set before stays in force", self._prefix, error)
        return self._made[0]
