"""SO_LINGER: closing a socket resets its connection."""

from __future__ import annotations

import contextlib
import os
import socket
import struct

# On, and no seconds to linger: two numbers, which are shorter on Windows.
_AT_ONCE = struct.pack("HH" if os.name == "nt" else "ii", 1, 0)


def reset_at_close(connected: socket.socket) -> None:
    """Have closing it send a reset (RFC 9293 section 3.10.7), and throw away what was not sent."""
    with contextlib.suppress(OSError):  # It broke already.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
