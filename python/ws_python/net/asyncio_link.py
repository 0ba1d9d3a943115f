"""A connection of asyncio's as a Link: for systems without epoll."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from ..loop.hub import hub
from .link import Link
from .no_delay import send_at_once
from .reset import reset_at_close

try:
    from fcntl import ioctl
except ImportError:  # Windows.
    ioctl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Everything is received into this, and copied before anything else can be received: a connection that holds nothing is
# to own no buffer.
_BUFFER = memoryview(bytearray(256 * 1024))
# The most that is written in one call: asyncio copies what the system does not take, and moves it with every part that
# it takes.
_WRITE_SIZE = 256 * 1024
# tcp(7), Linux: how many bytes the other side did not confirm, and how many of them were not even sent.
_SIOCOUTQ, _SIOCOUTQNSD = 0x5411, 0x894B
# asyncio does not tell when the system has sent what it took: it is asked again after so many seconds.
_CLEAR_AGAIN = 0.01


class AsyncioLink(Link, asyncio.BufferedProtocol):
    """The protocol of one connection; `made` is called with it when the connection is there."""

    def __init__(self, made: Callable[[AsyncioLink], None]) -> None:
        self._made = made
        self._transport: asyncio.Transport | None = None
        # Whether is_clear() was asked in vain; and whether it was so, just before asyncio handed over what it held.
        self._awaits_clear = False
        self._was_clear = False

    # --- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP connection is there."""
        self._transport = cast(asyncio.Transport, transport)
        # So that is_blocked tells whether asyncio holds bytes, which must leave before others.
        self._transport.set_write_buffer_limits(high=0)
        # asyncio does so only where the socket names its protocol, which an accepted one does not everywhere.
        send_at_once(transport.get_extra_info("socket"))
        if not self.host:  # Whoever made it did not say.
            self.host, self.port = address_of(transport.get_extra_info("peername"))
        self._made(self)

    def socket(self) -> Any:
        """What is like a socket below; None where there is none any more."""
        return None if self._transport is None else self._transport.get_extra_info("socket")

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
        if self._awaits_clear:
            self._was_clear = True
            self._expect_clear(False)
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
            self.is_broken = True
            return len(view)
        taken = 0
        while taken < len(view) and not self.is_blocked:
            part = view[taken : taken + _WRITE_SIZE]
            transport.write(part)
            taken += len(part)
        return taken

    def local_host(self) -> str:
        """See Link."""
        return "" if self._transport is None else address_of(self._transport.get_extra_info("sockname"))[0]

    def held(self) -> int:
        """See Link."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def unconfirmed(self) -> int:
        """See Link."""
        return self._bytes_in_system(_SIOCOUTQ)

    def is_clear(self) -> bool:
        """See Link."""
        was_clear, self._was_clear = self._was_clear, False
        if self.is_blocked or self._awaits_clear:
            return False
        if was_clear or self.is_ended or self._bytes_in_system(_SIOCOUTQNSD) == 0:
            return True
        self._expect_clear(True)
        hub.deadlines.after(_CLEAR_AGAIN, self._ask_again)
        return False

    def lags(self) -> bool:
        """See Link."""
        return self.is_blocked or self.held() > 0 or self._bytes_in_system(_SIOCOUTQNSD) > 0

    def _ask_again(self) -> None:
        if not self._awaits_clear:
            return
        if self._bytes_in_system(_SIOCOUTQNSD) > 0:
            hub.deadlines.after(_CLEAR_AGAIN, self._ask_again)
        elif not self.is_blocked:  # Otherwise resume_writing() comes.
            self._expect_clear(False)
            if self.receiver is not None:
                self.receiver.writable()

    def _expect_clear(self, expected: bool) -> None:
        """Have the system take more only when it has sent all, or as usual (TCP_NOTSENT_LOWAT, tcp(7))."""
        self._awaits_clear = expected
        if self._transport is not None and (sock := self._transport.get_extra_info("socket")) is not None:
            with contextlib.suppress(OSError, AttributeError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, int(expected))

    def _bytes_in_system(self, request: int) -> int:
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        if sock is None or ioctl is None or sys.platform != "linux":  # type: ignore[redundant-expr]
            return 0
        try:
            return int.from_bytes(ioctl(sock.fileno(), request, bytes(4)), sys.byteorder)
        except OSError:
            return 0  # It broke, which reading tells, or it is not TCP.

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

    def reset(self) -> None:
        """See Link."""
        if self._transport is not None and (sock := self._transport.get_extra_info("socket")) is not None:
            reset_at_close(sock)
        self.drop()

    def drop(self) -> None:
        """See Link."""
        self.receiver = None
        self.is_ended = True
        if self._transport is not None:
            # close() hands over what asyncio holds, where the system takes it; abort() would throw it away.
            with contextlib.suppress(RuntimeError):  # The program has closed its loop before.
                self._transport.abort() if self.is_blocked else self._transport.close()
            self._transport = None


def address_of(peername: object) -> tuple[str, int]:
    """IP address and port of what a socket calls its peer."""
    if not isinstance(peername, tuple) or len(peername) < 2:
        return "", 0
    # A dual-stack socket shows IPv4 addresses mapped into IPv6 (RFC 4291 section 2.5.5.2).
    return str(peername[0]).removeprefix("::ffff:"), int(peername[1])
