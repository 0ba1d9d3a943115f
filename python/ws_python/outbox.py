"""The sending half of a connection: checks a message, queues it in the codec, and asks for one write per poll.

Compiled, as the whole way of a message is (COMPILED in SConstruct): outbox.pxd beside it types the attributes.
"""

from __future__ import annotations

import asyncio

from .errors import Error
from .plain_tcp import Stream
from .protocol.codec import Codec
from .protocol.prepared import PreparedMessage
from .writers import writers

_writers = writers
_OK = Error.OK
_ERR_CONNECTION_ERROR = Error.ERR_CONNECTION_ERROR
_ERR_BUSY = Error.ERR_BUSY
_ERR_OUT_OF_MEMORY = Error.ERR_OUT_OF_MEMORY
_ERR_INVALID_PARAMETER = Error.ERR_INVALID_PARAMETER
_ERR_INVALID_DATA = Error.ERR_INVALID_DATA
# What a frame adds to its payload at most: two bytes, an extended length, a mask (RFC 6455 section 5.2).
_FRAME_OVERHEAD = 14
_MAX_UTF8_BYTES = 4
_MAX_CONTROL_PAYLOAD = 125
# From here on one system call is cheaper than one copy.
_UNCOPIED_SIZE = 32 * 1024


class Outbox(Stream):
    """Queues what is sent on one connection. All but long messages leave when `flush` is called, at a poll's end."""

    def __init__(self, outbound_buffer_size: int) -> None:
        super().__init__()
        self._outbound_buffer_size = outbound_buffer_size
        self._transport: asyncio.Transport | None = None
        # True from the end of the opening handshake until either side starts to close.
        self.is_open = False
        self._write_paused = False
        # What of a large write is still to be handed to the transport.
        self._unsent: memoryview | None = None
        # str or bytes while a message is sent in fragments.
        self._fragment_type: type | None = None

    @property
    def buffered_amount(self) -> int:
        """Bytes queued for sending that the operating system did not take yet."""
        amount = 0 if self._codec is None else self._codec.buffered_amount
        if self._unsent is not None:
            amount += len(self._unsent)
        if self._transport is not None:
            amount += self._transport.get_write_buffer_size()
        return amount

    def send(self, message: object) -> Error:
        """Queue a message: str as text, bytes-like as binary."""
        codec = self._codec
        if not self.is_open or codec is None:
            return _ERR_CONNECTION_ERROR
        if self._fragment_type is not None:
            return _ERR_BUSY
        if isinstance(message, str):
            # A host may have kinds of text of its own, derived from str; the compiled code takes str itself only.
            text = message if type(message) is str else str(message)
            if not self._has_room_for_text(codec, text):
                return _ERR_OUT_OF_MEMORY
            try:
                codec.send_text(text)
            except UnicodeEncodeError:
                return _ERR_INVALID_DATA
        elif isinstance(message, (bytes, bytearray, memoryview)):
            size = message.nbytes if isinstance(message, memoryview) else len(message)
            if not self._has_room(codec, size):
                return _ERR_OUT_OF_MEMORY
            if size < _UNCOPIED_SIZE or not self._send_uncopied(codec, message, size):
                codec.send_binary(message)
        else:
            return _ERR_INVALID_PARAMETER
        _writers.add(self)
        return _OK

    def queue(self, opcode: int, data: object, size: int) -> bool:
        """For compiled code: queue a message from memory, text as UTF-8. False: nothing was done, use send()."""
        codec = self._codec
        if not self.is_open or codec is None or self._fragment_type is not None or size >= _UNCOPIED_SIZE:
            return False
        if not self._has_room(codec, size):
            return False
        codec.send_message(opcode, data, size)
        _writers.add(self)
        return True

    def send_prepared(self, message: PreparedMessage) -> Error:
        """Queue a message that was encoded for several connections."""
        codec = self._codec
        if not self.is_open or codec is None:
            return _ERR_CONNECTION_ERROR
        if self._fragment_type is not None:
            return _ERR_BUSY
        if not self._has_room(codec, message.size):
            return _ERR_OUT_OF_MEMORY
        codec.send_prepared(message)
        _writers.add(self)
        return _OK

    def send_fragment(self, data: object, final: bool) -> Error:
        """Queue one fragment of a message (RFC 6455 section 5.4)."""
        codec = self._codec
        if not self.is_open or codec is None:
            return _ERR_CONNECTION_ERROR
        fragment_type = str if isinstance(data, str) else bytes
        if not isinstance(data, (str, bytes, bytearray, memoryview)):
            return _ERR_INVALID_PARAMETER
        if self._fragment_type is not None and self._fragment_type is not fragment_type:
            return _ERR_INVALID_PARAMETER
        try:
            payload = data.encode() if isinstance(data, str) else data
        except UnicodeEncodeError:
            return _ERR_INVALID_DATA
        if not self._has_room(codec, len(payload)):
            return _ERR_OUT_OF_MEMORY
        first = self._fragment_type is None
        codec.send_fragment(payload, first=first, fin=final, text=fragment_type is str)
        self._fragment_type = None if final else fragment_type
        _writers.add(self)
        return _OK

    def ping(self, payload: bytes) -> Error:
        """Queue a ping."""
        codec = self._codec
        if not self.is_open or codec is None:
            return _ERR_CONNECTION_ERROR
        if len(payload) > _MAX_CONTROL_PAYLOAD:
            return _ERR_INVALID_PARAMETER
        if not self._has_room(codec, len(payload)):
            return _ERR_OUT_OF_MEMORY
        codec.send_ping(payload)
        _writers.add(self)
        return _OK

    def _send_uncopied(self, codec: Codec, message: object, size: int) -> bool:
        """Hand a long message that nobody can change to the system at once, from where it is. False if it cannot be."""
        if self._fd < 0 or self._write_paused or self._unsent is not None:
            return False
        whole = message if isinstance(message, memoryview) else memoryview(message)  # type: ignore[arg-type]
        if not whole.readonly or not whole.c_contiguous or not codec.send_binary_head(size):
            return False
        queued = codec.buffered_amount
        taken = self.send_uncopied(whole)
        before = codec.data_to_send()
        if taken < queued:
            self._unsent = memoryview(before[taken:] + whole)
        elif taken < queued + size:
            self._unsent = whole.cast("B")[taken - queued :]
        return True

    def _has_room(self, codec: Codec, size: int) -> bool:
        pending = codec.buffered_amount
        if self._unsent is not None:
            pending += len(self._unsent)
        if self._write_paused and self._transport is not None:
            pending += self._transport.get_write_buffer_size()
        return pending + size + _FRAME_OVERHEAD <= self._outbound_buffer_size

    def _has_room_for_text(self, codec: Codec, text: str) -> bool:
        # Only near the limit is it worth knowing how long the text really is.
        if self._has_room(codec, len(text) * _MAX_UTF8_BYTES):
            return True
        return self._has_room(codec, len(text.encode("utf-8", "replace")))

    def flush(self) -> None:
        """Hand everything queued to the operating system in one write, as soon as it takes more."""
        codec = self._codec
        # What all but slow receivers and closing connections need: no more than one system call.
        if self.is_open and self._fd >= 0 and codec is not None and self._unsent is None and not self._write_paused:
            taken = self.send_queued()  # type: ignore[attr-defined]
            self.is_open = codec.is_open()  # What came before a failure can be answered until now.
            if codec.buffered_amount:
                self._unsent = memoryview(codec.data_to_send())[taken:]
            elif self.is_open:
                return
        self._flush_rest()

    def _flush_rest(self) -> None:
        """Hand over what flush() could not. The connection knows how."""
        raise NotImplementedError
