"""WebSocket server and client in plain Python, driven by poll(): no thread, no event loop of yours, no await."""

from .client import WebSocketClient
from .connection.inbox import Sink
from .connection.phase import ReadyState
from .connection.request import WebSocketRequest
from .connection.settings import Compression
from .declare.errors import Error
from .declare.events import Event, event, events_of
from .declare.settings import Setting, setting, settings_of
from .net.tls import TlsOptions
from .peer import WebSocketPeer
from .server import WebSocketServer

__all__ = [
    "Compression",
    "Error",
    "Event",
    "ReadyState",
    "Setting",
    "Sink",
    "TlsOptions",
    "WebSocketClient",
    "WebSocketPeer",
    "WebSocketRequest",
    "WebSocketServer",
    "event",
    "events_of",
    "setting",
    "settings_of",
]
