"""Sockets whose writes raise no SIGPIPE: that the other side has left is an OSError, and not the game's end.

Elsewhere Python has its process ignore that signal. This process is the engine's, and what it ignores, the programs
that a game starts would ignore as well. So each write says for itself that no signal is wanted. Pipes know no such
flag: a node that writes into the pipe of a subprocess blocks the signal in its thread (`signal.pthread_sigmask`).
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any

_init = socket.socket.__init__
_send = socket.socket.send
_sendall = socket.socket.sendall
_sendto: Callable[..., int] = socket.socket.sendto
_sendmsg: Callable[..., int] = getattr(
    socket.socket, "sendmsg", socket.socket.send
)  # Windows has none, and no signals.

# sys/socket.h of macOS, whose writes cannot say it.
_SO_NOSIGPIPE = 0x1022


def raise_no_signals() -> None:
    """Makes it so for all sockets of this interpreter: plain ones, asyncio's, and TLS ones."""
    if sys.platform == "win32":
        return
    if sys.platform == "darwin":
        setattr(socket.socket, "__init__", init)  # noqa: B010 - mypy knows no assignment to it
        return
    for method in (send, sendall, sendto, sendmsg):
        setattr(socket.socket, method.__name__, method)
    _hold(socket.socket, "sendfile")
    try:
        from ssl import SSLSocket
    except ImportError:  # There is no OpenSSL on this machine, so no such socket.
        return
    for name in ("do_handshake", "read", "send", "unwrap", "write"):  # Reading answers, too.
        _hold(SSLSocket, name)


def init(self: socket.socket, *arguments: Any, **named: Any) -> None:
    """socket.socket(), whose writes raise no signal; so each one is made, also by accept()."""
    _init(self, *arguments, **named)
    with suppress(OSError):  # A pipe that somebody takes for a socket, or one that was reset already.
        self.setsockopt(socket.SOL_SOCKET, _SO_NOSIGPIPE, 1)


def send(self: socket.socket, data: Any, flags: int = 0, /) -> int:
    """socket.send() without the signal."""
    return _send(self, data, flags | socket.MSG_NOSIGNAL)


def sendall(self: socket.socket, data: Any, flags: int = 0, /) -> None:
    """socket.sendall() without the signal."""
    return _sendall(self, data, flags | socket.MSG_NOSIGNAL)


def sendto(self: socket.socket, data: Any, *flags_and_address: Any) -> int:
    """socket.sendto() without the signal: both of its forms, sendto(data, address) and sendto(data, flags, address)."""
    *flags, address = flags_and_address or (None,)
    arguments = (flags[0] if flags else 0) | socket.MSG_NOSIGNAL, *flags[1:], address
    return _sendto(self, data, *arguments)


def sendmsg(self: socket.socket, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int:
    """socket.sendmsg() without the signal."""
    return _sendmsg(self, buffers, ancdata, flags | socket.MSG_NOSIGNAL, address)


def _hold(cls: type, name: str) -> None:
    """Holds the signal back while a method runs that writes without flags."""
    method: Callable[..., Any] = getattr(cls, name)

    @wraps(method)
    def held(*arguments: Any, **named: Any) -> Any:
        with _held_back():
            return method(*arguments, **named)

    setattr(cls, name, held)


@contextmanager
def _held_back() -> Iterator[None]:
    """Blocks SIGPIPE in this thread, the only one that its own writes send it to, and takes what came."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE not in before:
            signal.sigtimedwait({signal.SIGPIPE}, 0)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})
