"""A connection of asyncio's as a Link: for systems without epoll."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from .link import Link

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Everything is received into this, and copied before anything else can be received: a connection that holds nothing is
# to own no buffer.
_BUFFER = memoryview(bytearray(256 * 1024))
# The most that is written in one call: asyncio copies what the system does not take, and moves it with every part that
# it takes.
_WRITE_SIZE = 256 * 1024


class AsyncioLink(Link, asyncio.BufferedProtocol):
    """The protocol of one connection; `made` is called with it when the connection is there."""

    def __init__(self, made: Callable[[AsyncioLink], None]) -> None:
        self._made = made
        self._transport: asyncio.Transport | None = None

    # --- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP connection is there."""
        self._transport = cast(asyncio.Transport, transport)
        # So that is_blocked tells whether asyncio holds bytes, which must leave before others.
        self._transport.set_write_buffer_limits(high=0)
        self.host, self.port = address_of(transport.get_extra_info("peername"))
        self._made(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to write what is received next."""
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes were received."""
        if self.receiver is not None:
            self.receiver.receive(_BUFFER[:nbytes])

    def eof_received(self) -> bool:
        """The other side sends nothing more; whether the transport is to stay open for what is still to be sent."""
        self._end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        self._end()

    def pause_writing(self) -> None:
        """The system takes no more for now."""
        self.is_blocked = True

    def resume_writing(self) -> None:
        """The system takes more again."""
        self.is_blocked = False
        if self.receiver is not None:
            self.receiver.writable()

    def _end(self) -> None:
        if not self.is_ended:
            self.is_ended = True
            if self.receiver is not None:
                self.receiver.ended()

    # --- as a Link

    def write(self, data: Buffer) -> int:
        """See Link."""
        transport = self._transport
        view = memoryview(data)
        if transport is None or transport.is_closing():
            return len(view)
        taken = 0
        while taken < len(view) and not self.is_blocked:
            part = view[taken : taken + _WRITE_SIZE]
            transport.write(part)
            taken += len(part)
        return taken

    def held(self) -> int:
        """See Link."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def pause(self) -> None:
        """See Link."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """See Link."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def half_close(self) -> None:
        """See Link."""
        if self._transport is None:
            return
        try:
            self._transport.write_eof()
        except OSError:
            self._transport.abort()  # The other side has reset the connection.

    def drop(self) -> None:
        """See Link."""
        self.receiver = None
        self.is_ended = True
        if self._transport is not None:
            # close() hands over what asyncio holds, where the system takes it; abort() would throw it away.
            self._transport.abort() if self.is_blocked else self._transport.close()
            self._transport = None


def address_of(peername: object) -> tuple[str, int]:
    """IP address and port of what a socket calls its peer."""
    if not isinstance(peername, tuple) or len(peername) < 2:
        return "", 0
    # A dual-stack socket shows IPv4 addresses mapped into IPv6 (RFC 4291 section 2.5.5.2).
    return str(peername[0]).removeprefix("::ffff:"), int(peername[1])
