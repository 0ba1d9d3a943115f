"""WebSocket server and client for Python: in asyncio's event loop, or driven by poll(), as in a game's main loop."""

from . import _compiled  # noqa: F401 - first: it says what to do where the others cannot be imported
from .client import WebSocketClient
from .connection.inbox import Sink
from .connection.phase import ReadyState
from .connection.reply import WebSocketReply
from .connection.request import WebSocketRequest
from .connection.settings import Compression
from .declare.errors import Error
from .declare.events import Event, event, events_of
from .declare.settings import Setting, setting, settings_of
from .net.simulation import WebSocketSimulation
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
    "WebSocketReply",
    "WebSocketRequest",
    "WebSocketServer",
    "WebSocketSimulation",
    "event",
    "events_of",
    "setting",
    "settings_of",
]
