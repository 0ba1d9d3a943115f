# cython: language_level=3
"""The data phase of one WebSocket connection (RFC 6455, RFC 7692): bytes in, messages out, and back. No I/O.

Rules of this module:

- Incoming bytes never raise. What breaks the protocol becomes a queued close frame, a `Closed` event, `close_code` and
  `close_reason`; after it input is ignored. What the caller gets wrong on the way out raises, with nothing queued.
- Messages that came before a failure can still be answered: then the close frame waits for the next `data_to_send`.
- A receive buffer is lent from `get_buffer` to `buffer_updated` and then serves the next connection: nobody may use the
  view after that. An idle connection owns no buffer.
- Between two reads a codec keeps a cut header or control frame in `_carry`, and the unmasked payload of an unfinished
  message in `_message`. What is left of a large frame is received straight into the latter, which becomes the `bytes`
  object of the message. It grows as data arrives: a frame header alone is trusted for `TRUSTED_SIZE` bytes.
- Queued output is one `bytes` object under construction; `data_to_send` hands over that very object.
- Limits: a received message has at most `max_message_size` bytes, also after decompression, which stops there. What one
  read can bring is bounded by its size; with deflate that is small, as each byte may unpack to a thousand. What waits in
  `events_received` is counted as the memory it takes (`events_size`), for the caller to stop reading.
- One thread at a time uses a codec.

To check memory accesses, build with SCons' sanitize=1 (or -fsanitize=address,undefined) and run the tests with libasan
preloaded and PYTHONMALLOC=malloc. No directive turns Cython's own checks off.
"""

from enum import IntEnum
from typing import NamedTuple

from .deflate import InvalidDeflateError

cimport cython
from cpython.buffer cimport PyBUF_READ, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from .buffers cimport PY_SSIZE_T_MAX, READ_SIZE, BytesBuilder, ReceiveBuffer, borrow_buffer, give_back
from .prepared cimport PreparedMessage
from .wire cimport ABNORMAL_CLOSURE, INVALID_DATA, MESSAGE_TOO_BIG, NO_STATUS_RECEIVED, NORMAL_CLOSURE, PROTOCOL_ERROR
from .wire cimport BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from .wire cimport FIN, LENGTH, MASK, MAX_CONTROL_PAYLOAD, MAX_HEADER, OPCODE, RSV1, RSV2_AND_3
from .wire cimport Utf8, append_frame, append_head, big_endian, is_valid_close_code, turn_key, utf8_continues, xor_mask

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    str PyUnicode_DecodeUTF8(const char* data, Py_ssize_t size, const char* errors)
    Py_ssize_t PyUnicode_GET_LENGTH(object text) noexcept
    int PyUnicode_KIND(object text) noexcept

cdef enum:
    NO_CODE_YET = -1
    # Each byte received may unpack to a thousand.
    READ_SIZE_WITH_DEFLATE = 32 * 1024
    # From here on what is left of a frame is received without a detour through a receive buffer.
    DIRECT_SIZE = 64 * 1024
    TRUSTED_SIZE = 1024 * 1024
    # What an event takes beside its payload: the object's head, and its place in lists.
    EVENT_OVERHEAD = 64


class State(IntEnum):
    """Where the connection is. The numbers are those of the engine's WebSocketPeer."""

    OPEN = 1
    #: A close frame was sent, the other side's is awaited.
    CLOSING = 2
    #: Close frames went both ways, the connection failed, or TCP ended: input is ignored.
    CLOSED = 3


class Pong(NamedTuple):
    """A pong arrived."""

    payload: bytes


class Closed(NamedTuple):
    """The connection is over; the last event. See `Codec.close_code` and `Codec.close_reason`."""

    code: int
    reason: str


#: What `Codec.events_received` lists.
Event = str | bytes | Pong | Closed

cdef tuple STATES = (None, State.OPEN, State.CLOSING, State.CLOSED)

cdef enum:
    # State, for C.
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


@cython.final
cdef class Codec:
    """The frames of one connection. Feed it what arrives, take its events; call its senders, send what it queued.

    `server`: whether this end is the server. `max_message_size`: bytes of a received message, after decompression.
    `deflate`: what the opening handshake negotiated, None for no compression.
    """

    def __cinit__(self, *, bint server, Py_ssize_t max_message_size=16 * 1024 * 1024, deflate=None):
        if not 0 <= max_message_size <= PY_SSIZE_T_MAX // 2:
            raise ValueError(f"max_message_size must be 0..{PY_SSIZE_T_MAX // 2}, not {max_message_size}")
        self._server = server
        self.max_message_size = max_message_size
        self.close_code = NO_CODE_YET
        self.close_reason = ""
        self._state = OPEN
        self._events = []
        self._message = BytesBuilder()
        self._output = BytesBuilder()
        self._read_size = READ_SIZE
        self._min_compressed_text = self._min_compressed_binary = PY_SSIZE_T_MAX
        if deflate is not None:
            self._read_size = READ_SIZE_WITH_DEFLATE
            self._min_compressed_text = deflate.min_size
            if deflate.binary:
                self._min_compressed_binary = deflate.min_size
            self._compressor = deflate.compressor(server=server)
            self._decompressor = deflate.decompressor(server=server)

    # --- in

    def get_buffer(self, Py_ssize_t sizehint=-1):
        """Room for the next read, never empty; the hint is ignored. Write, call `buffer_updated`, drop it."""
        self._lend()
        if self._buffer is None:
            self._message.lent_room = self._room
            return memoryview(self._message)
        if self._room == READ_SIZE:
            return self._buffer.view
        return self._buffer.view[self._carry_size:self._carry_size + self._room]

    def buffer_updated(self, Py_ssize_t nbytes):
        """Parse the `nbytes` that were written to what `get_buffer` returned. Never raises."""
        self._received(min(nbytes, self._room))

    def receive_data(self, data not None):
        """Parse bytes that did not arrive through `get_buffer`. Never raises."""
        cdef Py_buffer source
        cdef Py_ssize_t position = 0
        cdef Py_ssize_t size
        PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
        try:
            while position < source.len:
                self._lend()
                size = min(source.len - position, self._room)
                memcpy(self._target, <uchar*>source.buf + position, size)
                self._received(size)
                position += size
        finally:
            PyBuffer_Release(&source)

    def receive_eof(self):
        """The TCP connection ended (or broke). Without a closing handshake that is 1006 (RFC 6455 §7.1.5)."""
        self._received(0)
        self._conclude()
        if not self._is_deaf:
            self._end(ABNORMAL_CLOSURE, "")

    cpdef list events_received(self):
        """Take what arrived, in order: text as `str`, binary as `bytes`, `Pong`, and at last `Closed`. Pings are not told."""
        cdef list events = self._events
        self._events = []
        self.events_size = 0
        return events

    cdef int _lend(self) except -1:
        """Set _target and _room for the next read."""
        if self._left >= DIRECT_SIZE and not self._compressed:
            if self._message.capacity - self._message.size < DIRECT_SIZE:
                self._message.reserve(min(self._left, TRUSTED_SIZE), self._most_payload())
            self._target = self._message.end()
            self._room = min(self._left, self._message.capacity - self._message.size)
            return 0
        if self._buffer is None:
            self._buffer = borrow_buffer()
        memcpy(self._buffer.start(), self._carry, self._carry_size)
        self._target = self._buffer.start() + self._carry_size
        self._room = self._read_size - self._carry_size
        return 0

    cdef int _received(self, Py_ssize_t size) except -1:
        """Parse the bytes that were written to _target, and end the loan."""
        cdef ReceiveBuffer buffer = self._buffer
        self._buffer = None
        self._room = 0
        if size > 0 and not self._is_deaf:
            try:
                if buffer is None:
                    self._payload(self._target, size, True)
                else:
                    self._parse(buffer.start(), self._carry_size + size)
            except MemoryError:
                self._fail(MESSAGE_TOO_BIG, "out of memory")
        if buffer is not None:
            give_back(buffer)
        return 0

    cdef int _parse(self, uchar* data, Py_ssize_t size) except -1:
        cdef Py_ssize_t used = 1
        while size and used and not self._is_deaf:
            used = self._payload(data, size, False) if self._left else self._frame(data, size)
            data += used
            size -= used
        self._carry_size = 0
        if not self._is_deaf:
            self._carry_size = size
            memcpy(self._carry, data, size)
        return 0

    cdef Py_ssize_t _frame(self, uchar* data, Py_ssize_t size) except -1:
        """Parse what starts at data: a whole frame, or the header of a cut data frame. Return the bytes used.

        That is 0 where a header or a control frame is cut; anything after a failure.
        """
        cdef int first, second, opcode
        cdef Py_ssize_t head = 2
        cdef Py_ssize_t length
        cdef uint64_t long_length
        cdef str error
        if size < 2:
            return 0
        first, second = data[0], data[1]
        opcode = first & OPCODE
        error = self._header_error(first, second, opcode)
        if error is not None:
            return self._fail(PROTOCOL_ERROR, error)

        length = second & LENGTH
        if length == 126:
            head = 4
            if size < head:
                return 0
            length = data[2] << 8 | data[3]
            if length < 126:
                return self._fail(PROTOCOL_ERROR, "payload length not in its shortest form")
        elif length == 127:
            head = 10
            if size < head:
                return 0
            long_length = big_endian(data + 2, 8)
            if long_length < 1 << 16 or long_length >> 63:
                return self._fail(PROTOCOL_ERROR, "payload length not in its shortest form, or its top bit set")
            length = min(long_length, <uint64_t>PY_SSIZE_T_MAX)
        if opcode < CLOSE and length > self._payload_limit(first) - self._payload_size:
            return self._fail_too_big()

        if self._server:
            head += 4
            if size < head:
                return 0
        if opcode >= CLOSE:
            if size - head < length:
                return 0
            self._unmask(data + head, length, data + head - 4)
            self._control(opcode, data + head, length)
            return head + length
        if opcode and first & (FIN | RSV1) == FIN and size - head >= length:
            if opcode == BINARY:
                self._deliver_unmasked(data + head, length, data + head - 4)
            else:
                self._unmask(data + head, length, data + head - 4)
                self._deliver(opcode, data + head, length)
            return head + length

        if opcode:
            self._opcode = opcode
            self._compressed = first & RSV1 != 0
        if self._server:
            memcpy(self._key, data + head - 4, 4)
        self._fin = first & FIN != 0
        self._left = length
        self._payload_size += length
        if length == 0:
            self._payload(data + head, 0, False)
        return head

    cdef str _header_error(self, int first, int second, int opcode):
        """What RFC 6455 §5 has against the first two bytes of a frame, or None."""
        if first & RSV2_AND_3 or first & RSV1 and (self._decompressor is None or not TEXT <= opcode <= BINARY):
            return "reserved bits must be 0"
        if BINARY < opcode < CLOSE or opcode > PONG:
            return "reserved opcode"
        if (second & MASK != 0) != self._server:
            return "frames to a server must be masked" if self._server else "frames to a client must not be masked"
        if opcode >= CLOSE:
            if not first & FIN:
                return "fragmented control frame"
            if second & LENGTH > MAX_CONTROL_PAYLOAD:
                return "control frame too long"
        elif opcode == CONTINUATION and not self._opcode:
            return "unexpected continuation frame"
        elif opcode != CONTINUATION and self._opcode:
            return "expected a continuation frame"
        return None

    cdef Py_ssize_t _payload_limit(self, int first) noexcept:
        """Bytes that the frames of a message may carry. Data that cannot be compressed grows by its block headers."""
        if self._compressed if self._opcode else first & RSV1:
            return self.max_message_size + (self.max_message_size >> 3) + 64
        return self.max_message_size

    cdef Py_ssize_t _most_payload(self) noexcept:
        """Bytes that the message under assembly can come to, as far as is known."""
        if self._fin and not self._compressed:
            return self._payload_size
        return self.max_message_size

    cdef void _unmask(self, uchar* data, Py_ssize_t size, const uchar* key) noexcept:
        if self._server:
            xor_mask(data, data, size, key)

    cdef Py_ssize_t _payload(self, uchar* data, Py_ssize_t size, bint in_place) except -1:
        """Take the next payload bytes of a cut or fragmented frame. `in_place`: they stand at the end of _message."""
        cdef bint last
        size = min(size, self._left)
        self._unmask(data, size, self._key)
        turn_key(self._key, size)
        self._left -= size
        last = self._fin and self._left == 0
        if self._compressed:
            self._decompress(data, size, last)
        elif self._check_text(data, size, last):
            if in_place:
                self._message.size += size
            elif size:
                self._message.append(data, size, self._most_payload())
        if last and not self._is_deaf:
            self._deliver_assembled()
        return size

    cdef int _decompress(self, const uchar* data, Py_ssize_t size, bint last) except -1:
        cdef Py_ssize_t room = self.max_message_size - self._message.size
        cdef bytes piece
        try:
            piece = self._decompressor.decompress(PyBytes_FromStringAndSize(<char*>data, size), last=last, room=room)
        except InvalidDeflateError as error:
            self._fail(PROTOCOL_ERROR, f"invalid compressed data: {error}")
            return 0
        if len(piece) > room:
            self._fail_too_big()
        elif self._check_text(<uchar*>PyBytes_AS_STRING(piece), len(piece), last):
            self._message.append(<uchar*>PyBytes_AS_STRING(piece), len(piece), self.max_message_size)
        return 0

    cdef bint _check_text(self, const uchar* data, Py_ssize_t size, bint last) except -1:
        """Whether the message under assembly goes on as valid text, if it is one (RFC 6455 §8.1: fail at once)."""
        if self._opcode != TEXT or utf8_continues(&self._utf8, data, size) and not (last and self._utf8.due):
            return True
        self._fail(INVALID_DATA, "invalid UTF-8")
        return False

    cdef int _deliver_unmasked(self, const uchar* data, Py_ssize_t size, const uchar* key) except -1:
        """Deliver a whole binary message, unmasked on its way into the `bytes` object: one pass in place of two."""
        cdef bytes message = PyBytes_FromStringAndSize(NULL, size)
        if self._server:
            xor_mask(<uchar*>PyBytes_AS_STRING(message), data, size, key)
        else:
            memcpy(PyBytes_AS_STRING(message), data, size)
        return self._report(message, size)

    cdef int _deliver(self, int opcode, const uchar* data, Py_ssize_t size) except -1:
        if opcode == BINARY:
            return self._report(PyBytes_FromStringAndSize(<char*>data, size), size)
        try:
            text = PyUnicode_DecodeUTF8(<char*>data, size, NULL)
        except UnicodeDecodeError:
            self._fail(INVALID_DATA, "invalid UTF-8")
            return 0
        return self._report(text, PyUnicode_GET_LENGTH(text) * PyUnicode_KIND(text))

    cdef int _report(self, object event, Py_ssize_t size) except -1:
        self._events.append(event)
        self.events_size += EVENT_OVERHEAD + size
        return 0

    cdef int _deliver_assembled(self) except -1:
        cdef bytes data = self._message.take()
        cdef int opcode = self._opcode
        self._opcode = 0
        self._payload_size = 0
        if opcode == BINARY:
            return self._report(data, len(data))
        return self._deliver(TEXT, <uchar*>PyBytes_AS_STRING(data), len(data))

    cdef int _control(self, int opcode, const uchar* data, Py_ssize_t size) except -1:
        if opcode == CLOSE:
            return self._close_received(data, size)
        if opcode == PING:
            # Also after our own close frame (RFC 6455 §5.5.2: unless a close frame was received).
            return self._queue(FIN | PONG, data, size)
        return self._report(Pong(PyBytes_FromStringAndSize(<char*>data, size)), size)

    cdef int _close_received(self, const uchar* data, Py_ssize_t size) except -1:
        """RFC 6455 §5.5.1, §7.1.5, §7.1.6. A message that the close frame cuts off is dropped."""
        cdef int code = NO_STATUS_RECEIVED
        cdef str reason = ""
        if size:
            try:
                reason = PyUnicode_DecodeUTF8(<char*>data + 2, max(size - 2, 0), NULL)
            except UnicodeDecodeError:
                self._fail(INVALID_DATA, "invalid UTF-8 in the close reason")
                return 0
            code = big_endian(data, 2) if size >= 2 else 0
            if not is_valid_close_code(code):
                self._fail(PROTOCOL_ERROR, "invalid close code")
                return 0
        if not self._close_sent:
            self._queue(FIN | CLOSE, data, size)
        self._end(code, reason)
        return 0

    cdef Py_ssize_t _fail_too_big(self) except -1:
        return self._fail(MESSAGE_TOO_BIG, f"message over {self.max_message_size} bytes")

    cdef Py_ssize_t _fail(self, int code, str reason) except -1:
        """Fail the WebSocket connection (RFC 6455 §7.1.7), after the answers to what came before. Return 1."""
        cdef bint has_news = len(self._events) > 0
        self._stop_receiving(code, reason)
        if not has_news:
            self._conclude()
        return 1

    cdef int _end(self, int code, str reason) except -1:
        self._stop_receiving(code, reason)
        self._state = CLOSED
        self._compressor = None
        return 0

    cdef int _stop_receiving(self, int code, str reason) except -1:
        self._is_deaf = True
        self.close_code = code
        self.close_reason = reason
        self._left = 0
        self._message = BytesBuilder()
        self._decompressor = None
        self._events.append(Closed(code, reason))
        return 0

    cdef int _conclude(self) except -1:
        """Say that this side has failed the connection, if it has."""
        if self._is_deaf and self._state != CLOSED:
            if not self._close_sent:
                self._queue_close(self.close_code, self.close_reason.encode())
            self._state = CLOSED
            self._compressor = None
        return 0

    # --- out

    cpdef send_text(self, str text):
        """Queue a text message. Raises UnicodeEncodeError for a lone surrogate, RuntimeError if not OPEN."""
        cdef Py_ssize_t size = 0
        cdef const char* data = PyUnicode_AsUTF8AndSize(text, &size)
        self.send_message(TEXT, <const uchar*>data, size)

    cpdef send_binary(self, data):
        """Queue a binary message. Raises RuntimeError if not OPEN."""
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            self.send_message(BINARY, <const uchar*>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cpdef bint send_binary_head(self, Py_ssize_t size) except -1:
        """Queue the head of a binary message whose `size` bytes of payload the caller sends right behind it, unchanged.

        False, with nothing queued, where the payload must be masked or compressed, or where a close frame waits that would
        come between. Raises RuntimeError if not OPEN.
        """
        self._require_open()
        if not self._server or self._is_deaf or self._is_compressed(BINARY, size):
            return False
        append_head(self._output, FIN | BINARY, size)
        return True

    def send_fragment(self, data not None, *, bint first, bint fin, bint text):
        """Queue one frame of a fragmented message; `text` counts for the first one.

        Text comes as `str`, or as UTF-8 bytes that may be cut anywhere. Until `fin` no other message can be sent.
        Raises ValueError for invalid UTF-8, RuntimeError if not OPEN, or if `first` does not fit what came before.
        """
        cdef Py_buffer view
        cdef int opcode = self._fragment_opcode
        cdef Utf8 utf8 = self._fragment_utf8
        if self._state != OPEN or first == (opcode != 0):
            raise RuntimeError("this fragment cannot follow what was sent")
        if first:
            opcode = TEXT if text else BINARY
        if opcode == TEXT and isinstance(data, str):
            data = (<str>data).encode()
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if opcode == TEXT:
                if not utf8_continues(&utf8, <const uchar*>view.buf, view.len) or fin and utf8.due:
                    raise ValueError("a text message must be valid UTF-8")
            if first:
                self._fragments_compressed = self._is_compressed(opcode, view.len)
            self._queue_data(
                (opcode if first else CONTINUATION) | (FIN if fin else 0),
                <const uchar*>view.buf, view.len, self._fragments_compressed,
            )
        finally:
            PyBuffer_Release(&view)
        self._fragment_opcode = 0 if fin else opcode
        self._fragment_utf8 = utf8

    def send_ping(self, bytes payload not None=b""):
        """Queue a ping of at most 125 bytes. Raises ValueError if it is longer, RuntimeError if CLOSED."""
        self._send_control(PING, payload)

    def send_pong(self, bytes payload not None=b""):
        """Queue a pong that nobody asked for (RFC 6455 §5.5.3). Raises as `send_ping` does."""
        self._send_control(PONG, payload)

    def send_close(self, int code=NORMAL_CLOSURE, str reason not None=""):
        """Queue a close frame and go to CLOSING; nothing if one was sent already. 1005 sends one without a code.

        Raises ValueError for a code that no close frame may carry, or a reason over 123 bytes of UTF-8.
        """
        cdef bytes encoded = reason.encode()
        if code == NO_STATUS_RECEIVED:
            if encoded:
                raise ValueError("a close frame without a code has no reason")
        elif not is_valid_close_code(code):
            raise ValueError(f"{code} cannot be sent as a close code: use 1000 or 3000..4999")
        if len(encoded) > MAX_CONTROL_PAYLOAD - 2:
            raise ValueError(f"a close reason has at most 123 bytes of UTF-8, not {len(encoded)}")
        self._conclude()
        if self._state == OPEN:
            self._queue_close(code, encoded)
            self._state = CLOSING

    cpdef send_prepared(self, PreparedMessage message):
        """Queue a message that goes to others, too. For a server's codec; raises RuntimeError if not OPEN."""
        cdef bytes frame
        if not self._server:
            raise RuntimeError("a client masks each frame anew: it cannot send a prepared one")
        self._require_open()
        if self._is_compressed(message.opcode, message.size):
            frame = message.compressed_frame(self._compressor)
        else:
            frame = message.frame()
        self._output.append(<const uchar*>PyBytes_AS_STRING(frame), len(frame), PY_SSIZE_T_MAX)

    cpdef bytes data_to_send(self):
        """Take everything queued as one `bytes` object, empty if there is nothing."""
        self._conclude()
        return self._output.take()

    cdef Py_ssize_t output(self, const uchar** data) except -1:
        self._conclude()
        data[0] = self._output.start() if self._output.size else NULL
        return self._output.size

    cdef int forget_output(self) except -1:
        return self._output.clear()

    @property
    def buffered_amount(self):
        """Bytes queued and not yet taken."""
        return self._output.size

    @property
    def state(self):
        """The `State` of the connection."""
        return STATES[self._state]

    cpdef bint is_open(self):
        """Whether the state is OPEN."""
        return self._state == OPEN

    cdef int _require_open(self) except -1:
        if self._state != OPEN:
            raise RuntimeError("the connection is closing or closed")
        if self._fragment_opcode:
            raise RuntimeError("a fragmented message is being sent: finish it first")
        return 0

    cdef int send_message(self, int opcode, const uchar* data, Py_ssize_t size) except -1:
        self._require_open()
        return self._queue_data(FIN | opcode, data, size, self._is_compressed(opcode, size))

    cdef bint _is_compressed(self, int opcode, Py_ssize_t size) noexcept:
        """Whether to send a message of that size compressed."""
        return size >= (self._min_compressed_text if opcode == TEXT else self._min_compressed_binary)

    cdef int _send_control(self, int opcode, bytes payload) except -1:
        if self._state == CLOSED:
            raise RuntimeError("the connection is closed")
        if len(payload) > MAX_CONTROL_PAYLOAD:
            raise ValueError(f"the payload of a ping or pong has at most 125 bytes, not {len(payload)}")
        return self._queue(FIN | opcode, <const uchar*>PyBytes_AS_STRING(payload), len(payload))

    cdef int _queue_close(self, int code, bytes reason) except -1:
        cdef bytes payload = b"" if code == NO_STATUS_RECEIVED else code.to_bytes(2, "big") + reason
        self._close_sent = True
        return self._queue(FIN | CLOSE, <const uchar*>PyBytes_AS_STRING(payload), len(payload))

    cdef int _queue_data(self, int first, const uchar* data, Py_ssize_t size, bint compressed) except -1:
        cdef bytes payload
        if not compressed:
            return self._queue(first, data, size)
        payload = self._compressor.compress(PyMemoryView_FromMemory(<char*>data, size, PyBUF_READ), last=first & FIN != 0)
        # RFC 7692 §6: the first frame of a compressed message says so.
        if first & OPCODE:
            first |= RSV1
        return self._queue(first, <const uchar*>PyBytes_AS_STRING(payload), len(payload))

    cdef int _queue(self, int first, const uchar* payload, Py_ssize_t size) except -1:
        return append_frame(self._output, first, payload, size, not self._server)
