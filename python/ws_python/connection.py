"""One TCP connection: asyncio's transport on one side, handshake and codec in the middle, an inbox on the other.

Rules: nothing here calls a user's code. Bytes go from the socket into the codec's own buffer, events from the codec
into the inbox, without a task, a future or a queue object per message. Writes are collected and leave once per poll.

The states, and what holds them:

| state                            | handshake.done | _codec | is_open | codec.state | _ending | close_code |
|----------------------------------|----------------|--------|---------|-------------|---------|------------|
| connecting, shaking hands        | no             | None   | no      |             | no      | -1         |
| failed to open                   | yes            | None   | no      |             | yes     | -1         |
| open                             | yes            | there  | yes     | OPEN        | no      | -1         |
| they broke the protocol (1)      | yes            | there  | yes     | OPEN        | no      | -1         |
| closed by us, not answered (2)   | yes            | there  | no      | CLOSING     | no      | -1 (3)     |
| over, TCP is being ended or gone | yes            | there  | no      | CLOSED      | yes     | set        |

(1) Closed waits in the inbox, and what came before it can be answered until the next flush() takes our close frame.
(2) Until they answer, what they had sent before is received. (3) abandon() sets it at once: nobody waits for theirs.
`_transport` is there while the TCP connection is, in any of them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, cast

from . import pump
from .close_codes import GOING_AWAY, NO_CLOSE_CODE
from .inbox import Inbox, Intake
from .plain_tcp import Reader, send
from .protocol.codec import Codec, State
from .protocol.handshake import Handshake, ServerHandshake
from .writers import writers

# Handshakes read into this one: what is in it was copied before anything else can be read.
_HANDSHAKE_BUFFER = bytearray(16 * 1024)
# The most that is written in one call.
_WRITE_SIZE = 256 * 1024


class ReadyState(IntEnum):
    """The state of a connection, as in Godot's own WebSocketPeer."""

    STATE_CONNECTING = 0
    STATE_OPEN = 1
    STATE_CLOSING = 2
    STATE_CLOSED = 3


class Opened(NamedTuple):
    """The opening handshake succeeded."""


class Failed(NamedTuple):
    """The opening handshake failed; there will be no further event of this connection."""

    reason: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may take. Bytes and seconds."""

    max_message_size: int
    max_queued_bytes: int
    outbound_buffer_size: int
    close_timeout: float


class Connection(Intake, asyncio.BufferedProtocol):
    """A WebSocket connection, from the accepted or connected socket to its end."""

    __slots__ = (
        "_deadline",
        "_ending",
        "_limits",
        "_reader",
        "_timer",
        "close_code",
        "close_reason",
        "handshake",
        "host",
        "port",
    )

    def __init__(self, handshake: Handshake, inbox: Inbox, limits: Limits, deadline: float) -> None:
        super().__init__(inbox, limits.max_queued_bytes, limits.outbound_buffer_size)
        self.handshake = handshake
        self.host = ""
        self.port = 0
        self.close_code = NO_CLOSE_CODE
        self.close_reason = ""
        self._limits = limits
        # When the opening handshake is given up, on the loop's clock.
        self._deadline = deadline
        self._timer: asyncio.TimerHandle | None = None
        # What reads the socket past asyncio, if something does.
        self._reader: Reader | None = None
        # The WebSocket connection is over; what remains is to end the TCP connection.
        self._ending = False

    # --- state

    @property
    def ready_state(self) -> ReadyState:
        """Where the connection is on its way from opening to closed."""
        if self.is_open:
            return ReadyState.STATE_OPEN
        if self._ending or self.close_code != NO_CLOSE_CODE:
            return ReadyState.STATE_CLOSED
        return ReadyState.STATE_CONNECTING if self._codec is None else ReadyState.STATE_CLOSING

    # --- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP (and TLS) connection is there."""
        self._transport = cast(asyncio.Transport, transport)
        address = transport.get_extra_info("peername") or ("", 0)
        # A dual-stack socket shows IPv4 addresses mapped into IPv6 (RFC 4291 section 2.5.5.2).
        self.host = str(address[0]).removeprefix("::ffff:")
        self.port = address[1]
        pump.at_close(self._close_with_pump)
        if self._inbox is None:
            self._transport.abort()
            return
        self._timer = pump.loop().call_at(self._deadline, self._opening_timed_out)
        self._transport.write(self.handshake.data_to_send())

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to write what is received next."""
        if self._codec is None:
            return memoryview(_HANDSHAKE_BUFFER)
        return self._codec.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes were received."""
        codec = self._codec
        if codec is None:
            self._receive_handshake(bytes(memoryview(_HANDSHAKE_BUFFER)[:nbytes]))
            return
        codec.buffer_updated(nbytes)
        self._pass_on(codec)

    def eof_received(self) -> None:
        """The other side sends nothing more. asyncio closes the transport when this returns."""
        self._receive_eof()
        self.flush()
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone."""
        self._receive_eof()
        self._ending = True
        self._stop_timer()
        self._return_to_asyncio()
        self._transport = None
        pump.not_at_close(self._close_with_pump)

    def pause_writing(self) -> None:
        """The operating system takes no more for now."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """The operating system takes more again."""
        self._write_paused = False
        writers.add(self)

    # --- in

    def _receive_handshake(self, data: bytes) -> None:
        handshake = self.handshake
        if handshake.done:
            return  # It failed, and we wait for the other side to close.
        handshake.receive_data(data)
        if self._transport is not None:
            self._transport.write(handshake.data_to_send())
        if handshake.error:
            self.fail(handshake.error, retryable=handshake.retryable)
        elif handshake.done:
            self._open(handshake.leftover)

    def _open(self, leftover: bytes) -> None:
        self._stop_timer()
        server = isinstance(self.handshake, ServerHandshake)
        self._codec = Codec(
            server=server, max_message_size=self._limits.max_message_size, deflate=self.handshake.deflate
        )
        self.is_open = True
        self._leave_asyncio()
        self._put([Opened()], 0)
        if leftover:
            self._codec.receive_data(leftover)
            self._pass_on(self._codec)

    def _leave_asyncio(self) -> None:
        """Have the socket read and written past asyncio, where that is possible."""
        transport, reader = self._transport, pump.reader()
        if reader is None or transport is None or transport.get_extra_info("sslcontext") is not None:
            return
        assert isinstance(transport, asyncio.Transport)
        # So that _write_paused tells whether asyncio holds bytes, which must leave before others.
        transport.set_write_buffer_limits(high=0)
        transport.pause_reading()
        self._reader = reader
        self._fd = transport.get_extra_info("socket").fileno()
        reader.add(self)

    def _return_to_asyncio(self) -> None:
        if self._reader is not None:
            self._reader.remove(self._fd)
            self._reader = None
            self._fd = -1

    def ended(self) -> None:
        """The reader found the end, or an error: asyncio will, too, and tell it as always."""
        self._return_to_asyncio()
        if self._transport is not None:
            self._transport.resume_reading()

    def _receive_eof(self) -> None:
        if self._codec is not None:
            self._codec.receive_eof()
            self._pass_on(self._codec)
        elif not self.handshake.done:
            self.handshake.receive_eof()
            self.fail(self.handshake.error, retryable=self.handshake.retryable)

    def _pause_reading(self) -> None:
        if self._transport is None:
            return
        self._read_paused = True
        if self._reader is not None:
            self._reader.remove(self._fd)
        else:
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        self._read_paused = False
        if self._reader is not None:
            self._reader.add(self)
        elif self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # --- out

    def _flush_rest(self) -> None:
        transport = self._transport
        # While the transport still holds bytes, further ones stay in the codec, which joins them to one write.
        if transport is None or self._write_paused or transport.is_closing():
            return
        if self._unsent is None and self._codec is not None:
            data = self._codec.data_to_send()
            if not self._codec.is_open():
                self.is_open = False  # That was the last chance to answer what came before a failure.
            if data:
                self._write(transport, data)
        if self._unsent is not None:
            self._write_unsent(transport, self._unsent)
            if self._unsent is None:
                writers.add(self)  # The codec may have more.
        elif self._ending:
            self._end_transport(transport)

    def _write(self, transport: asyncio.Transport, data: bytes) -> None:
        sent = send(self._fd, data) if self._fd >= 0 else 0
        if len(data) - sent > _WRITE_SIZE:
            self._unsent = memoryview(data)[sent:]
        elif sent < len(data):
            transport.write(memoryview(data)[sent:])

    def _write_unsent(self, transport: asyncio.Transport, unsent: memoryview) -> None:
        if self._fd >= 0:
            unsent = unsent[send(self._fd, unsent) :]
        # In parts: asyncio copies what the system does not take, and moves it again with every part that it takes.
        while unsent and not self._write_paused and not transport.is_closing():
            transport.write(unsent[:_WRITE_SIZE])
            unsent = unsent[_WRITE_SIZE:]
        self._unsent = unsent or None

    # --- the end

    def close(self, code: int, reason: str) -> None:
        """Start the closing handshake (RFC 6455 section 7.1.2). It is given `close_timeout` seconds."""
        if not self.is_open:
            return
        self.is_open = False
        assert self._codec is not None
        self._codec.send_close(code, reason)
        if self._codec.state == State.CLOSED:
            self._end()  # The other side has broken the protocol meanwhile.
            return
        self._start_close_timer()
        writers.add(self)

    def finish(self) -> None:
        """The last event, Closed, is delivered. Until then what came before it can be answered, if the codec allows."""
        if self.close_code == NO_CLOSE_CODE and self._codec is not None:
            self.close_code = self._codec.close_code
            self.close_reason = self._codec.close_reason
        self.is_open = False
        self._end()

    def abandon(self, code: int, reason: str) -> None:
        """Say goodbye and end on its own: nobody will be told anything more."""
        self._inbox = None
        if self._read_paused:
            self._resume_reading()
        if self.close_code == NO_CLOSE_CODE and self._codec is not None:
            self.close_code = code
            self.close_reason = reason
        if self._codec is None:
            self.abort()
        else:
            self.close(code, reason)

    def abort(self) -> None:
        """Drop the TCP connection; what was not sent is lost."""
        if self._transport is not None:
            self._transport.abort()

    def _close_with_pump(self) -> None:
        self.abandon(GOING_AWAY, "")
        self.flush()
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size() == 0:
            transport.close()
        else:
            self.abort()  # Nobody will turn the loop until the receiver took the rest.

    def fail(self, reason: str, *, retryable: bool) -> None:
        """The connection did not come to be."""
        self.handshake.done = True
        self._put([Failed(reason, retryable)], 0)
        self._end()

    def _opening_timed_out(self) -> None:
        self.fail("the other side did not finish the opening handshake in time", retryable=True)
        self.abort()

    def _end(self) -> None:
        # RFC 6455 section 7.1.1: the server ends the TCP connection first, the client waits for that for a while. A
        # server's half-close lets the client read our last frame even if bytes of its own are still on the way.
        if self._ending:
            return
        self._ending = True
        self.is_open = False
        if self._read_paused:
            self._resume_reading()
        if self._transport is not None:
            self._start_close_timer()
            writers.add(self)

    def _end_transport(self, transport: asyncio.Transport) -> None:
        if isinstance(self.handshake, ServerHandshake) and transport.can_write_eof():
            try:
                transport.write_eof()
            except OSError:
                transport.abort()  # The other side has reset the connection.
        elif isinstance(self.handshake, ServerHandshake) or self._codec is None:
            transport.close()

    def _start_close_timer(self) -> None:
        self._stop_timer()
        self._timer = pump.loop().call_later(self._limits.close_timeout, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
