"""Network changes: tells who waits for a network that one came up, or that the machine was asleep.

On Linux a netlink socket (rtnetlink(7)) tells of interfaces, addresses and routes. Everywhere, polled time is compared
with a clock that goes on while the machine sleeps; the time of day, which may be set, is never asked.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable

from ..loop.deadlines import Deadline
from ..loop.hub import hub

# linux/rtnetlink.h and linux/if.h: what Python's socket module does not name.
_RTMGRP_LINK = 0x1
_RTMGRP_IPV4_IFADDR = 0x10
_RTMGRP_IPV4_ROUTE = 0x40
_RTMGRP_IPV6_IFADDR = 0x100
_RTMGRP_IPV6_ROUTE = 0x400
_GROUPS = _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR | _RTMGRP_IPV4_ROUTE | _RTMGRP_IPV6_ROUTE
_RTM_NEWLINK = 16
_RTM_DELLINK = 17
_RTM_NEWADDR = 20
_RTM_NEWROUTE = 24
_IFF_RUNNING = 0x40
_IFA_F_TENTATIVE = 0x40
_RTN_UNICAST = 1
# struct nlmsghdr, ifinfomsg, ifaddrmsg, rtmsg.
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=8BI")

_RECEIVE_SIZE = 64 * 1024
# Messages that are read in one go: the others wait for the next turn.
_MOST_AT_ONCE = 32
# Seconds of polled time between two looks at the clock, and what it must be ahead by for the machine to have slept.
_LOOKING_PERIOD = 0.5
_SLEPT = 3.0


class _Netlink:
    """The socket on which Linux tells of changes. Raises OSError where that may not be had, as on Android."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        # Interfaces that were up when they were last told of: of those, wireless ones are told of again and again.
        self._up: set[int] = set()
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        try:
            self._socket.setblocking(False)
            self._socket.bind((0, _GROUPS))
            self._loop = hub.loop()
            self._loop.add_reader(self._socket.fileno(), self._read)
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        has_news = False
        for _ in range(_MOST_AT_ONCE):
            try:
                data, (sender, _groups) = self._socket.recvfrom(_RECEIVE_SIZE)
            except BlockingIOError:
                break
            except OSError:  # ENOBUFS: there was more than the system keeps.
                has_news = True
                break
            # Other processes may write to this socket, too; the kernel is number 0.
            has_news |= sender == 0 and has_come_up(data, self._up)
        if has_news:
            self._changed()


class NetworkChanges:
    """What there is one of in a process: `network_changes`. It watches only while somebody wants to be told."""

    def __init__(self) -> None:
        self._listeners: dict[Callable[[], None], None] = {}
        self._netlink: _Netlink | None = None
        self._next_look: Deadline | None = None
        self._looked_at = (0.0, 0.0)

    def tell(self, listener: Callable[[], None]) -> None:
        """Call `listener` at each change from now on, in a turn of the hub."""
        self._listeners[listener] = None
        if self._next_look is None:
            self._begin()

    def forget(self, listener: Callable[[], None]) -> None:
        """Do not call it any more."""
        self._listeners.pop(listener, None)
        if not self._listeners and self._next_look is not None:
            self._end()

    def _begin(self) -> None:
        hub.at_close(self._end)
        if hasattr(socket, "AF_NETLINK"):
            with contextlib.suppress(OSError):
                self._netlink = _Netlink(self._changed)
        self._look_again()

    def _end(self) -> None:
        hub.not_at_close(self._end)
        self._listeners.clear()
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def _changed(self) -> None:
        for listener in list(self._listeners):
            listener()

    def _look(self) -> None:
        clock, polled = self._looked_at
        slept = (_clock() - clock) - (hub.deadlines.now - polled)
        self._look_again()
        if slept > _SLEPT:
            self._changed()

    def _look_again(self) -> None:
        self._looked_at = (_clock(), hub.deadlines.now)
        self._next_look = hub.deadlines.after(_LOOKING_PERIOD, self._look)


def has_come_up(data: bytes, up: set[int]) -> bool:
    """Whether netlink messages tell of an interface, an address or a route that is there and was not. Keeps `up`."""
    found = False
    while len(data) >= _HEADER.size:
        size, kind, _flags, _sequence, _port = _HEADER.unpack_from(data)
        body = data[_HEADER.size : size]
        found |= _is_news(kind, body, up)
        data = data[max(size + 3 & ~3, _HEADER.size) :]  # Each begins at a multiple of 4.
    return found


def _is_news(kind: int, body: bytes, up: set[int]) -> bool:
    if kind in (_RTM_NEWLINK, _RTM_DELLINK) and len(body) >= _LINK.size:
        _family, _type, interface, flags, _change = _LINK.unpack_from(body)
        was_up = interface in up
        is_up = kind == _RTM_NEWLINK and bool(flags & _IFF_RUNNING)
        (up.add if is_up else up.discard)(interface)
        return is_up and not was_up
    if kind == _RTM_NEWADDR and len(body) >= _ADDRESS.size:
        return not body[2] & _IFA_F_TENTATIVE  # RFC 4862 section 5.4: it is told of again when it may be used.
    if kind == _RTM_NEWROUTE and len(body) >= _ROUTE.size:
        return body[7] == _RTN_UNICAST
    return False


def _clock() -> float:
    """Seconds on a clock that goes on while the machine sleeps, which Linux's CLOCK_MONOTONIC does not."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    # macOS, where time.monotonic() is another clock that stands still; Windows has none but that, which goes on.
    return time.clock_gettime(time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic()


network_changes = NetworkChanges()
