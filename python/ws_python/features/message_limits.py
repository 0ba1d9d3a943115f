"""Limits of one message: how long it is, in how many pieces it comes, and how much it unpacks to."""

from __future__ import annotations

from ..connection.connection import Connection
from ..declare.settings import setting
from .feature import Feature
from .teller import who


class MessageSettings:
    """For a server or client with MessageLimits; `max_message_size` is in connection/settings.py."""

    max_fragments: int = setting(
        131072,  # Autobahn ends 65,536 with an empty one.
        range=(0, 2**31 - 1),
        group="Message Limits",
        doc="The most fragments (RFC 6455 section 5.4) that a message may arrive in. One that has more closes the "
        "connection with code 1008. 0: no limit.",
    )
    # What zlib makes of zeros is 998 times as small at its default level, and 227 times at the one that we send with.
    max_compression_ratio: int = setting(
        256,
        range=(0, 2**31 - 1),
        group="Message Limits",
        doc="How many times its size on the wire a compressed message may unpack to. One that goes beyond it closes "
        "the connection with code 1008, before all of it is unpacked. Up to 1 MiB a message may unpack to as much as "
        "it likes, and never to more than `max_message_size`. 0: no limit.",
    )


# What the codec calls a limit, by the property that sets it; and what exceeds it.
_PROPERTIES = {
    "max_message_size": ("max_message_size", "a message of %d bytes or more"),
    "max_fragments": ("max_fragments", "a message of %d fragments"),
    "max_ratio": ("max_compression_ratio", "a message that unpacks to %d times its size"),
}


class MessageLimits(Feature):
    """Counts and tells whose messages went beyond a limit. That ends their connection is the codec's work."""

    def closed(self, connection: Connection) -> None:
        """See Feature."""
        codec = connection.codec
        if codec is None or codec.exceeded is None:
            return
        name, what = _PROPERTIES[codec.exceeded]
        self.node._count(f"closed_{name}")
        self.node._teller.tell(
            who(connection),
            what + ", %s is %d: closed with %d",
            codec.exceeded_by,
            name,
            getattr(self.node, name),
            codec.close_code,
        )
