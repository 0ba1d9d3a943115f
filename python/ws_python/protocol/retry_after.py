"""Retry-After (RFC 9110 section 10.2.3): for how long a server asks to stay away."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz

# One of several, joined by commas: a date may have a comma of its own.
_ONE = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, *[^,]+|[^,]+")


def seconds_to_wait(retry_after: str, date: str, now: float) -> float:
    """The seconds that a header asks for, 0 for one that makes no sense. Unbounded: it may say anything.

    A time of day counts from the answer's own `date`, lest this machine's clock matter; from `now`, in seconds since
    1970, if the answer has none. Where there are several headers, joined by commas, the longest time counts.
    """
    return max((_seconds(one.strip(), date, now) for one in _ONE.findall(retry_after)), default=0.0)


def _seconds(retry_after: str, date: str, now: float) -> float:
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    until = _timestamp(retry_after)
    if until is None:
        return 0.0
    since = _timestamp(date)
    return max(0.0, until - (now if since is None else since))


def _timestamp(date: str) -> float | None:
    """An HTTP date (RFC 9110 section 5.6.7) in seconds since 1970; None if it is none."""
    try:
        parsed = parsedate_tz(date)
        # It is UTC, whatever it says: obsolete forms do not say it.
        return None if parsed is None else datetime(*parsed[:6], tzinfo=UTC).timestamp()
    except (IndexError, OverflowError, TypeError, ValueError):  # parsedate_tz() does not foresee everything.
        return None
