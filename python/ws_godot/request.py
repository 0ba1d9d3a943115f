"""The request of a client, as a class of the engine."""

from __future__ import annotations

import ws_python
from pythonscript.godot import RefCounted


class WebSocketRequest(ws_python.WebSocketRequest, RefCounted, tool=True, creatable=False):
    """What a client asked for when it connected to a WebSocketServer: path, query, headers, and who it is.

    The ``authorizer`` of the server is called with it and says whether the client may connect, and it stays with the
    connection that it opened: ``request`` of the peer. What stands in it was written by the client and may be anything,
    except ``address``, ``port``, ``certificate`` and ``data``. One that you make yourself is empty.
    """
