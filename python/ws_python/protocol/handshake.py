"""The opening handshake of either side (RFC 6455 section 4): what the layers above use of it, in one place.

`websockets` parses header lines, makes and checks keys and negotiates; bounds and the checks that it leaves to others
come before it.
"""

from __future__ import annotations

from .handshake_base import Handshake
from .handshake_client import ClientHandshake
from .handshake_server import ServerHandshake
from .handshake_settings import parse_headers, parse_subprotocols
from .urls import parse_url, redacted, socket_path

__all__ = [
    "ClientHandshake",
    "Handshake",
    "ServerHandshake",
    "parse_headers",
    "parse_subprotocols",
    "parse_url",
    "redacted",
    "socket_path",
]
