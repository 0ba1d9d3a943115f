"""WebSocket server and client in plain Python, driven by poll(): no thread, no event loop of yours, no await."""

from .client import WebSocketClient
from .connection import ReadyState
from .errors import Error
from .events import Event, event, events_of
from .inbox import Sink
from .options import Compression
from .peer import WebSocketPeer
from .server import WebSocketServer
from .settings import Setting, setting, settings_of

__all__ = [
    "Compression",
    "Error",
    "Event",
    "ReadyState",
    "Setting",
    "Sink",
    "WebSocketClient",
    "WebSocketPeer",
    "WebSocketServer",
    "event",
    "events_of",
    "setting",
    "settings_of",
]
