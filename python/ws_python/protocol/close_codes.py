"""Close codes (RFC 6455 section 7.4): those that this package sends by itself, and what an application may send."""

from __future__ import annotations

NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
UNSUPPORTED_DATA = 1003
# Never sent: there was no close.
ABNORMAL_CLOSURE = 1006
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
SERVICE_RESTART = 1012
# Registered with IANA: as HTTP 401 and 403.
UNAUTHORIZED = 3000
FORBIDDEN = 3003
# What get_close_code() tells as long as there is none.
NO_CLOSE_CODE = -1

# RFC 6455 section 7.4.1 and the IANA registry, without those that are never sent (1005, 1006, 1015).
_REGISTERED = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
# RFC 6455 section 7.4.2: libraries' and applications' own.
_OWN = range(3000, 5000)


# A connection that ends with one of these was cut, or the server goes away for now: going away, no close at all, an
# error of the server's, it restarts, it has too much to do. With any other one somebody has ended it.
_CUT = frozenset({GOING_AWAY, ABNORMAL_CLOSURE, 1011, 1012, 1013})


def may_resume(code: int) -> bool:
    """Whether a session goes on after a connection that ended with this code."""
    return code in _CUT


def may_be_sent(code: int) -> bool:
    """Whether an application may send this code."""
    return code in _REGISTERED or code in _OWN
