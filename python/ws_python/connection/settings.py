"""The settings of a connection: declared here, and read where connection.pyx makes its parts."""

from __future__ import annotations

from enum import IntEnum

from ..declare.settings import setting
from ..protocol.deflate import Deflate

_MIB = 1024 * 1024
_MAX_BYTES = 2**31 - 1


class Compression(IntEnum):
    """Which messages are sent compressed."""

    COMPRESSION_OFF = 0
    COMPRESSION_TEXT = 1
    COMPRESSION_ALL = 2


class ConnectionSettings:
    """What connections are made with. A change counts for the connections made after it."""

    CompressionMode = Compression

    supported_protocols: list[str] = setting(
        [],
        group="Negotiation",
        doc="Subprotocols that this side speaks, the preferred one first (RFC 6455 section 1.9). Empty: none. A server "
        "that lists some refuses clients that offer none of them.",
    )
    handshake_headers: list[str] = setting(
        [],
        group="Negotiation",
        doc='Further HTTP headers to send in the opening handshake, each as one string "Name: value".',
    )
    # The defaults, measured with zlib 1.2.13 on one core. A game's state as JSON shrinks from 0.9 KB to 42 % in 20 µs,
    # from 3.5 KB to 34 % in 46 µs, which pays where the network is slower than 150 to 300 Mbit/s; 0.2 KB only below 30.
    # Packed floats (4 KB) shrink to 84 % in 160 µs, and noise (64 KB) not at all in 2.3 ms: hence text only. Of 1,000
    # connections that have exchanged such text, each holds 0.1 KiB more than without compression.
    compression: Compression = setting(
        Compression.COMPRESSION_TEXT,
        group="Compression",
        doc="Which messages to send compressed, if the other side can unpack them (RFC 7692, permessage-deflate): "
        "none, text, or binary ones, too. Unless it is off, compressed messages of both kinds are received. It pays "
        "where the network is slow; in a local one, off is faster. What is sent to everybody is compressed once for "
        "all.",
    )
    compression_min_size: int = setting(
        1024,
        range=(0, _MAX_BYTES),
        unit="bytes",
        group="Compression",
        doc="Messages shorter than this are sent uncompressed: there is too little to gain.",
    )
    compression_context_takeover: bool = setting(
        False,
        group="Compression",
        doc="Compress a message with what the ones before had in common with it. That makes messages of few KiB that "
        "resemble each other smaller still, and takes memory as long as the connection lasts: about 50 KiB with 12 "
        "window bits, 190 KiB with 15. Off: memory is taken only while a message is compressed or unpacked.",
    )
    compression_window_bits: int = setting(
        12,
        range=(9, 15),
        group="Compression",
        doc="How far back, as a power of two in bytes, repetitions are found. More makes long messages somewhat "
        "smaller and takes more time and memory.",
    )
    close_timeout: float = setting(
        5.0,
        range=(0.1, 300.0),
        step=0.1,
        unit="s",
        group="Timeouts",
        doc="Seconds that the other side has to take what was sent and to answer a close; then the connection is "
        "dropped with close code 1006. So much is given also where the node is freed; when the game quits, one second "
        "in all.",
    )
    max_message_size: int = setting(
        16 * _MIB,
        range=(1, _MAX_BYTES),
        unit="bytes",
        group="Message Limits",
        doc="The longest message to accept, unpacked if it was compressed. A longer one closes the connection with "
        "code 1009, before it takes memory.",
    )
    outbound_buffer_size: int = setting(
        64 * _MIB,
        range=(1024, _MAX_BYTES),
        unit="bytes",
        group="Message Limits",
        doc="How much may wait for a slow receiver on one connection. A message that does not fit is not queued, and "
        "sending it returns ERR_BUSY; `drained` of the client or peer, and `peer_drained` of the server, tell when "
        "there is room again. One that is longer than all of it never fits: ERR_OUT_OF_MEMORY.",
    )
    max_queued_bytes: int = setting(
        64 * _MIB,
        range=(1024, _MAX_BYTES),
        unit="bytes",
        group="Message Limits",
        doc="How much may wait on one connection for poll() to deliver it, in memory, after unpacking. Beyond that "
        "nothing more is read from the network, so that the sender is slowed down; nothing is lost.",
    )

    def _deflate(self) -> Deflate | None:
        """What to negotiate: one window for both directions. None for no compression."""
        if self.compression == Compression.COMPRESSION_OFF:
            return None
        return Deflate(
            server_no_context_takeover=not self.compression_context_takeover,
            client_no_context_takeover=not self.compression_context_takeover,
            server_max_window_bits=self.compression_window_bits,
            client_max_window_bits=self.compression_window_bits,
            min_size=self.compression_min_size,
            binary=self.compression == Compression.COMPRESSION_ALL,
        )
