"""What the opening handshakes of both sides share: their state, and what they leave for the connection."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from websockets.datastructures import Headers
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate

from .deflate import MAX_WINDOW_BITS, Deflate
from .http_head import HeadReader, field_values, fields_of
from .session import without_layer

# What `websockets` logs holds headers whole, and with them tokens. What there is to be told, `Handshake.error` tells.
SILENT = logging.Logger("websockets", logging.CRITICAL + 1)

CLOSED_EARLY = "the connection was closed during the opening handshake"


class Handshake:
    """One side's opening handshake: bytes in, bytes out.

    receive_data() never raises, whatever comes, cut wherever. When `done`, either `error` says why it failed, in one
    line of at most 200 printable characters, or it is empty, `leftover` holds the bytes that came behind the handshake
    and belong to the data phase, and `deflate` tells what compression was agreed on. A handshake that is done holds no
    more than what can be asked for.
    """

    __slots__ = (
        "_fields",
        "_outgoing",
        "_reader",
        "_wanted_deflate",
        "deflate",
        "done",
        "error",
        "has_layer",
        "leftover",
        "path",
        "retryable",
        "status",
        "subprotocol",
    )

    def __init__(self, deflate: Deflate | None) -> None:
        self.done = False
        self.error = ""
        #: After an error: whether the same attempt may succeed later.
        self.retryable = False
        #: The HTTP status that was answered, 101 for success; 0 while and where there is none.
        self.status = 0
        self.leftover = b""
        #: What the client requested: path and query, as they are on the wire.
        self.path = ""
        #: The subprotocol that both sides agreed on, or "" for none.
        self.subprotocol = ""
        #: Whether they agreed on the session layer (session.py).
        self.has_layer = False
        #: The compression that both sides agreed on, None for none.
        self.deflate: Deflate | None = None
        self._wanted_deflate = deflate
        self._reader: HeadReader | None = HeadReader()
        # The other side's header lines, as they came: the least that header() can do with.
        self._fields = b""
        self._outgoing = b""

    @property
    def url(self) -> str:
        """The whole URL that the client requested. May hold secrets: what is shown is redacted(url)."""
        raise NotImplementedError

    def header(self, name: str) -> str:
        """A header that the other side sent, several of one name joined by commas, or "" if it sent none."""
        return ", ".join(self.header_values(name))

    def header_values(self, name: str) -> list[str]:
        """The values of all headers of one name that the other side sent."""
        return field_values(self._fields, name)

    def headers(self) -> Headers:
        """All headers that the other side sent."""
        return fields_of(self._fields)

    def data_to_send(self) -> bytes:
        """Takes the bytes that are to be sent to the other side."""
        data, self._outgoing = self._outgoing, b""
        return data

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the other side, at most 16 KiB a call."""
        raise NotImplementedError

    def receive_eof(self) -> None:
        """The other side closed the connection."""
        if not self.done:
            self._fail(CLOSED_EARLY)

    def _keep_fields(self, head: bytes) -> None:
        self._fields = head[head.index(b"\r\n") + 2 : -4]

    def _succeed(self, subprotocol: str | None, extensions: Sequence[Extension]) -> None:
        self.done = True
        self.subprotocol, self.has_layer = without_layer(subprotocol or "")
        for extension in extensions:
            if isinstance(extension, PerMessageDeflate) and self._wanted_deflate is not None:
                # Not the extension itself: it holds a compressor and a decompressor.
                self.deflate = self._agreed(extension, self._wanted_deflate)
        self._let_go()

    def _agreed(self, extension: PerMessageDeflate, wanted: Deflate) -> Deflate:
        """What was wanted, with the parameters that came out of the negotiation."""
        raise NotImplementedError

    def _fail(self, error: str) -> None:
        self.done = True
        self.error = error
        self._let_go()

    def _let_go(self) -> None:
        """Drop what only the handshake needed; called when it is done."""
        self._reader = None


def limited(window_bits: int) -> int | None:
    """The largest window is what holds when nothing is said (RFC 7692 sections 7.1.2.1 and 7.1.2.2)."""
    return window_bits if window_bits < MAX_WINDOW_BITS else None
