"""The PROXY protocol, versions 1 and 2: what a proxy says first of all, of the client whose connection it passes on.

The header comes before TLS and HTTP, and is taken off the socket to the byte: whatever reads behind it never sees it.
Whether somebody may say such a thing is not decided here. The specification is HAProxy's proxy-protocol.txt; the
numbers of its sections stand below.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple

from ..declare.system_words import words_of
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from .addresses import canonical_address
from .watched_socket import WatchedSocket

_SIGNATURE_V1 = b"PROXY "
_SIGNATURE_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
_LONGEST_SIGNATURE = len(_SIGNATURE_V2)
# Section 2.1: the longest line of version 1, with its end.
_MOST_V1 = 107
# Section 2.2: the fixed part of version 2. What may follow has a length of its own; nobody needs more than this for it.
_FIXED_V2 = 16
_MOST_V2 = 4096
_LOCAL, _PROXY = 0, 1
# Address family and transport: where the client's port begins behind its address, and how much the two ends take.
_TCP_V4, _TCP_V6, _UNIX_STREAM, _UNSPECIFIED = 0x11, 0x21, 0x31, 0x00
_ADDRESSES = {_TCP_V4: (4, 12), _TCP_V6: (16, 36)}
_MAX_PORT = 65535

# Less than a signature waits in the socket, and would be reported over and over: seconds until the next look.
_NEXT_LOOK = 0.02
# About how many microseconds a look takes.
_LOOK_WORK = 10


class ProxyHeaderError(Exception):
    """What begins as a PROXY header does not go on as one. Says why."""


class ProxyHeader(NamedTuple):
    """The client's address and port, both empty where the connection is the proxy's own, or it does not know."""

    host: str = ""
    port: int = 0


def may_begin(data: bytes) -> bool:
    """Whether these first bytes, which may be too few to tell, are those of a PROXY header."""
    return _SIGNATURE_V1.startswith(data[: len(_SIGNATURE_V1)]) or _SIGNATURE_V2.startswith(data[:_LONGEST_SIGNATURE])


def begins(data: bytes) -> bool:
    """Whether these bytes begin with the whole signature of a PROXY header."""
    return data.startswith((_SIGNATURE_V1, _SIGNATURE_V2))


class ProxyHeaderParser:
    """Takes a header whose signature is there. Raises ProxyHeaderError as soon as it cannot become one."""

    def __init__(self) -> None:
        self._received = bytearray()

    def wants(self, ahead: bytes) -> int:
        """How many of the bytes that are `ahead`, one at least, belong to the header for certain."""
        received = bytes(self._received) + ahead
        if received.startswith(_SIGNATURE_V1):
            end = received.find(b"\r\n")
            size = min(end + 2, _MOST_V1) if end >= 0 else _MOST_V1
        else:
            size = _FIXED_V2 if len(received) < _FIXED_V2 else _FIXED_V2 + int.from_bytes(received[14:16], "big")
        return min(size - len(self._received), len(ahead))

    def feed(self, data: bytes) -> ProxyHeader | None:
        """Add what wants() said; the header when it is whole."""
        received = self._received
        received += data
        if received.startswith(_SIGNATURE_V1):
            if received.endswith(b"\r\n"):
                return _parse_v1(bytes(received[:-2]))
            if len(received) >= _MOST_V1:
                raise ProxyHeaderError(f"its line is longer than {_MOST_V1} bytes")
            return None
        if len(received) < _FIXED_V2:
            return None
        _check_v2(received)
        if len(received) < _FIXED_V2 + int.from_bytes(received[14:16], "big"):
            return None
        return _parse_v2(bytes(received))


def _parse_v1(line: bytes) -> ProxyHeader:
    """Section 2.1: PROXY, TCP4 or TCP6 or UNKNOWN, the two addresses, the two ports, with one space between each."""
    # Of UNKNOWN the rest is ignored.
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return ProxyHeader()
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise ProxyHeaderError("its line has not the six words of TCP4 or TCP6")
    host, own_host = canonical_address(words[2]), canonical_address(words[3])
    if not host or not own_host or any((":" in word) != (words[1] == "TCP6") for word in words[2:4]):
        raise ProxyHeaderError(f"its line holds no two {words[1]} addresses")
    port, own_port = _port(words[4]), _port(words[5])
    if port is None or own_port is None:
        raise ProxyHeaderError("its line holds no two ports")
    return ProxyHeader(host, port)


def _port(word: str) -> int | None:
    if not (word.isascii() and word.isdigit()) or len(word) > 5 or (word[0] == "0" and word != "0"):
        return None
    port = int(word)
    return port if port <= _MAX_PORT else None


def _check_v2(header: bytes | bytearray) -> None:
    """Section 2.2: what the fixed part says: version, command, family, transport, and the length of the rest."""
    if header[12] >> 4 != 2:
        raise ProxyHeaderError(f"its version is {header[12] >> 4}, not 2")
    command, family, length = header[12] & 0x0F, header[13], int.from_bytes(header[14:16], "big")
    if command not in (_LOCAL, _PROXY):
        raise ProxyHeaderError(f"its command is {command}, neither LOCAL nor PROXY")
    if _FIXED_V2 + length > _MOST_V2:
        raise ProxyHeaderError(f"it is longer than {_MOST_V2} bytes")
    if command == _LOCAL:
        return
    if family not in (_TCP_V4, _TCP_V6, _UNIX_STREAM, _UNSPECIFIED):
        raise ProxyHeaderError(f"it is for no TCP connection (0x{family:02x})")
    if length < _ADDRESSES.get(family, (0, 0))[1]:
        raise ProxyHeaderError("it is too short for its addresses")


def _parse_v2(header: bytes) -> ProxyHeader:
    if header[12] & 0x0F == _LOCAL or header[13] not in _ADDRESSES:
        return ProxyHeader()  # The proxy's own, as a look whether we are there; or a client without an IP address.
    size, both = _ADDRESSES[header[13]]
    addresses = header[_FIXED_V2 : _FIXED_V2 + both]
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    host = canonical_address(socket.inet_ntop(family, addresses[:size]))
    return ProxyHeader(host, int.from_bytes(addresses[2 * size : 2 * size + 2], "big"))


class ProxyPreamble(WatchedSocket):
    """Takes the PROXY header, if there is one, off an accepted socket. Owns the socket until it is done.

    See net/listener.py, Preamble.
    """

    def __init__(self, accepted: socket.socket, address: object, refused: Callable[[], None]) -> None:
        """`address` is what accept() told; `refused` is called when the header is none."""
        super().__init__(accepted)
        self._address = address
        self._refused = refused
        self._parser: ProxyHeaderParser | None = None
        self._next_look: Deadline | None = None
        self._done: Callable[[object], None] | None = None
        self._failed: Callable[[str], None] | None = None

    def start(self, done: Callable[[object], None], failed: Callable[[str], None]) -> None:
        """Begin to read. `done` is given the address of the client, `failed` why there is none; one of them, once."""
        self._done, self._failed = done, failed
        self.watch_reading()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._let_go()
        self.socket.close()

    def readable(self) -> int:
        """See Watched."""
        try:
            self._look()
        except (BlockingIOError, InterruptedError):
            pass
        except ProxyHeaderError as error:
            self._fail(f"its PROXY header is malformed ({error}); check what the proxy sends")
        except OSError as error:
            self._fail(f"the proxy reset the connection before its PROXY header was whole ({words_of(error)})")
        return _LOOK_WORK

    def failed(self, error: Exception) -> None:
        """See Watched."""
        self._fail("its PROXY header could not be read")

    def _look(self) -> None:
        if self._parser is None:
            first = self.socket.recv(_LONGEST_SIGNATURE, socket.MSG_PEEK)
            if first and not begins(first) and may_begin(first):
                self.unwatch_reading()
                self._next_look = hub.deadlines.after(_NEXT_LOOK, self.watch_reading)
                return
            if not begins(first):  # Also where it has closed already, which is for the handshake to tell.
                self._finish(self._address)
                return
            self._parser = ProxyHeaderParser()
        ahead = self.socket.recv(_MOST_V2, socket.MSG_PEEK)
        if not ahead:
            raise ProxyHeaderError("it ends in the middle")
        header = self._parser.feed(self.socket.recv(self._parser.wants(ahead)))
        if header is not None:
            self._finish((header.host, header.port) if header.host else self._address)

    def _finish(self, address: object) -> None:
        done = self._done
        self._let_go()
        if done is not None:
            done(address)

    def _fail(self, reason: str) -> None:
        failed = self._failed
        self.cancel()
        if failed is not None:
            self._refused()
            failed(reason)

    def _let_go(self) -> None:
        self._done = self._failed = None
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        self.unwatch_reading()
