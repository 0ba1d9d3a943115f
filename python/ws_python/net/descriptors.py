"""File descriptors: how many this process may have, and whether some are left for more than connections.

The system gives the lowest number that is free: whoever got number n knows that at least n are open.
"""

from __future__ import annotations

import errno
import socket

from ..declare.system_words import numbers_of, words_of

try:
    import resource
except ImportError:  # Another system, whose limit nobody tells.
    resource = None  # type: ignore[assignment]

USED_UP = (errno.EMFILE, errno.ENFILE)
ADVICE = "raise the limit of open files (ulimit -n)"


def limit() -> int:
    """How many this process may have at a time."""
    if resource is None:
        return 2**31 - 1
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 2**31 - 1 if soft == resource.RLIM_INFINITY else soft


def lowest_free() -> int:
    """The number that the next one will have; the limit if there is none."""
    try:
        with socket.socket() as probe:
            return probe.fileno()
    except OSError:
        return limit()


def are_used_up() -> bool:
    """Whether there is none left at all."""
    return lowest_free() >= limit()


def has_room(number: int, reserve: int) -> bool:
    """Whether the descriptor `number` leaves `reserve` others, or a quarter of all where that is less."""
    most = limit()
    return number < most - min(reserve, most // 4)


def lacks_them(error: Exception) -> bool:
    """Whether something failed because none was left."""
    # A name cannot be resolved without them, either, which tells something else: glibc, also that a resource is busy,
    # or, in a process that has long been at work, of an invalid argument.
    if isinstance(error, socket.gaierror) or getattr(error, "errno", None) in (errno.EBUSY, errno.EINVAL):
        return are_used_up()
    # aiohappyeyeballs joins the errors of several addresses into one.
    return not numbers_of(error).isdisjoint(USED_UP)


def explain(error: Exception) -> str:
    """That this machine has nothing left for a connection, and what can be done about it."""
    if lacks_them(error):
        return f"no file descriptor is left for a connection; {ADVICE}"
    return f"no connection can be made: {words_of(error)}"
