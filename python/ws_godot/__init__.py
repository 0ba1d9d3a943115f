"""Where the WebSocket package and the bridge meet: importing this package declares the three node classes."""

from pythonscript import call_at_frame_end, call_at_shutdown
from ws_python import pump
from ws_python.writers import writers

from .client import WebSocketClient
from .peer import WebSocketPeerNode
from .server import WebSocketServer

__all__ = ["WebSocketClient", "WebSocketPeerNode", "WebSocketServer"]


def _flush_at_frame_end() -> None:
    """What a game sends outside of a poll, in its own `_process`, leaves in the same frame and in one write."""
    if not call_at_frame_end(writers.flush):
        _request_flush()


_request_flush = writers.request_flush
writers.request_flush = _flush_at_frame_end
pump.claim()  # The engine loads its extensions on the main thread.
call_at_shutdown(pump.close)
