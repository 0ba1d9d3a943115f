"""When signals come: said here, once, and shown in the editor's help of all three node classes."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T", bound=type)

_SIGNAL_TIMES = """
When signals come: while a node polls, which it does once a frame (see ``process_callback``), and while poll() of yours
runs. What happens meanwhile waits for that. Besides, these calls of yours emit before they return: listen() and stop()
of a server, connect_to_url() and close() of a client emit ``status_changed`` where the status changes, and stop() emits
``connection_closed`` of each peer and ``client_disconnected``, too. No other call emits anything. ``autostart`` and
``autoconnect`` make that call by themselves, once, in the deferred calls of the frame in which the node became ready:
then the whole scene is ready, and every ``_ready()`` was called. The signals of a peer come together with those of its
server. A node that is freed emits nothing any more. A handler may call anything: send, close, stop, poll, free the
node.
"""


def tells_signal_times(cls: T) -> T:
    """Add to the docstring of a node class when its signals come."""
    cls.__doc__ = f"{cls.__doc__}\n    {_SIGNAL_TIMES.strip()}\n"
    return cls
