"""The reserve: connections do not take the last file descriptors, which the game needs for its files."""

from __future__ import annotations

from ..declare.settings import setting


class ReserveSettings:
    """For a server, whose Listener keeps it (net/listener.py)."""

    reserved_descriptors: int = setting(
        32,
        range=(0, 65536),
        group="Connection Limits",
        doc="How many file descriptors connections leave for the game's own files and sockets, or a quarter of all "
        "that the process may have (`ulimit -n`) where that is less. While there are no more, new connections wait "
        "unaccepted, those that are open stay, and the log says it once, and once when it is over. 0: connections may "
        "take all.",
    )
