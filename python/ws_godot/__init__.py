"""Where the WebSocket package and the bridge meet: importing this package declares the classes of the engine."""

from pythonscript import call_at_shutdown
from ws_python.loop.hub import hub

from .client import WebSocketClient
from .host import GodotHost
from .multiplayer import WebSocketNodeMultiplayerPeer
from .peer import WebSocketPeerNode
from .reply import WebSocketReply
from .request import WebSocketRequest
from .server import WebSocketServer
from .simulation import WebSocketSimulation

__all__ = [
    "WebSocketClient",
    "WebSocketNodeMultiplayerPeer",
    "WebSocketPeerNode",
    "WebSocketReply",
    "WebSocketRequest",
    "WebSocketServer",
    "WebSocketSimulation",
]

hub.host = GodotHost()
hub.claim()  # The engine loads its extensions on the main thread.
call_at_shutdown(hub.close)
