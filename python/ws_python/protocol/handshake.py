"""The opening handshake of either side (RFC 6455 section 4): what the layers above use of it, in one place.

`websockets` parses header lines, makes and checks keys and negotiates; bounds and the checks that it leaves to others
come before it.
"""

from __future__ import annotations

from .handshake_base import CLOSED_EARLY, Handshake
from .handshake_client import ClientHandshake, why_unanswered
from .handshake_errors import TLS_REQUEST, phrase_of
from .handshake_server import ServerHandshake
from .handshake_settings import parse_headers, parse_subprotocols
from .urls import parse_url, redacted, socket_path

__all__ = [
    "CLOSED_EARLY",
    "TLS_REQUEST",
    "ClientHandshake",
    "Handshake",
    "ServerHandshake",
    "parse_headers",
    "parse_subprotocols",
    "parse_url",
    "phrase_of",
    "redacted",
    "socket_path",
    "why_unanswered",
]
