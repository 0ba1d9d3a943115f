"""The settings that servers and clients share."""

from __future__ import annotations

from .connection import Limits
from .settings import setting

_MIB = 1024 * 1024
_MAX_BYTES = 2**31 - 1


class ConnectionOptions:
    """What connections are made with. A change applies to the connections made after it."""

    supported_protocols: list[str] = setting(
        [],
        group="Handshake",
        doc="Subprotocols that this side speaks, the preferred one first (RFC 6455 section 1.9). Empty: none. A server "
        "that lists some refuses clients that offer none of them.",
    )
    handshake_headers: list[str] = setting(
        [],
        group="Handshake",
        doc='Further HTTP headers to send in the opening handshake, each as one string "Name: value".',
    )
    close_timeout: float = setting(
        5.0,
        range=(0.1, 300.0),
        step=0.1,
        unit="s",
        group="Timeouts",
        doc="Seconds that the other side has to answer a close; then the connection is dropped with close code 1006.",
    )
    max_message_size: int = setting(
        16 * _MIB,
        range=(1, _MAX_BYTES),
        unit="bytes",
        group="Limits",
        doc="The longest message to accept. A longer one closes the connection with code 1009, before it takes memory.",
    )
    outbound_buffer_size: int = setting(
        64 * _MIB,
        range=(1024, _MAX_BYTES),
        unit="bytes",
        group="Limits",
        doc="How much may wait for a slow receiver on one connection. A message that does not fit is not queued, and "
        "sending it returns ERR_OUT_OF_MEMORY.",
    )
    max_queued_bytes: int = setting(
        64 * _MIB,
        range=(1024, _MAX_BYTES),
        unit="bytes",
        group="Limits",
        doc="How much may wait on one connection for poll() to deliver it. Beyond that nothing more is read from the "
        "network, so that the sender is slowed down; nothing is lost.",
    )

    def _limits(self) -> Limits:
        return Limits(
            max_message_size=self.max_message_size,
            max_queued_bytes=self.max_queued_bytes,
            outbound_buffer_size=self.outbound_buffer_size,
            close_timeout=self.close_timeout,
        )
