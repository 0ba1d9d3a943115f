"""TCP_NODELAY: what is written leaves at once."""

from __future__ import annotations

import contextlib
import socket


def send_at_once(connected: socket.socket) -> None:
    """Switch Nagle's algorithm off (RFC 896).

    It would hold a short message back until the one before is acknowledged, which the other side may put off for 40 ms,
    on Windows for 200 ms.
    """
    with contextlib.suppress(OSError):  # It was reset already, which reading tells; or it is no TCP.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
