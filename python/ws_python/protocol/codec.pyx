# cython: language_level=3
"""The data phase of one WebSocket connection (RFC 6455, RFC 7692): bytes in, messages out, and back. No I/O.

Rules of this module:

- Incoming bytes never raise. What breaks the protocol becomes a queued close frame, a `Closed` event, `close_code` and
  `close_reason`; after it input is ignored. What the caller gets wrong on the way out raises, with nothing queued.
- Messages that came before a failure can still be answered: then the close frame waits for the next `data_to_send`.
- What `get_buffer` returns serves all connections: who writes there calls `buffer_updated` before anybody else writes,
  and nobody uses the view after that. Who gets nothing need not say so. A connection that holds nothing owns no buffer.
- A step, `receive_data` or `buffer_updated` or `resume`, ends after the frame, or the piece of a compressed message, with
  which its work reaches `step_size`. What was received beyond that is `held` until `resume` parses it. Work is counted,
  in bytes that would take as long, for whatever the other side can make this one do.
- Between two reads a codec keeps a cut header or control frame in `_carry`, and the unmasked payload of an unfinished
  message in `_message`. What is left of a large frame is received straight into the latter, which becomes the `bytes`
  object of the message. It grows as data arrives: a frame header alone is trusted for `TRUSTED_SIZE` bytes.
- Queued output is one `bytes` object under construction; `data_to_send` hands over that very object.
- Limits: a received message has at most `max_message_size` bytes, also after decompression, which stops there, and at most
  `max_fragments` frames; beyond `RATIO_FLOOR` bytes it unpacks to at most `max_ratio` times what it takes on the wire. What waits
  in `events_received` is counted as the memory it takes (`events_size`), and so is an unfinished message (`unfinished`),
  for the caller to stop reading, or to `fail`. Of the pongs that nobody takes only the newest is kept beyond `PONG_ROOM`.
- One thread at a time uses a codec. But one that sends while another does so either sends a whole message or raises, though
  zlib and os.urandom let others run: what is queued is ready before the state is asked for, and queued in one go.

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
from libc.string cimport memcpy, memmove

from .buffers cimport PY_SSIZE_T_MAX, READ_SIZE, BytesBuilder, ReceiveBuffer, borrow_buffer, give_back, scratch_buffer
from .prepared cimport PreparedMessage
from .wire cimport ABNORMAL_CLOSURE, INVALID_DATA, MESSAGE_TOO_BIG, NO_STATUS_RECEIVED, NORMAL_CLOSURE, POLICY_VIOLATION
from .wire cimport PROTOCOL_ERROR
from .wire cimport BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from .wire cimport FIN, LENGTH, MASK, MAX_CONTROL_PAYLOAD, MAX_HEADER, OPCODE, RSV1, RSV2_AND_3
from .wire cimport Utf8, append_frame, append_frame_in_room, append_head, big_endian, is_valid_close_code
from .wire cimport need_masking_keys, turn_key, utf8_continues, xor_mask

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    str PyUnicode_DecodeUTF8(const char* data, Py_ssize_t size, const char* errors)
    Py_ssize_t PyUnicode_GET_LENGTH(object text) noexcept
    int PyUnicode_KIND(object text) noexcept

cdef enum:
    NO_CODE_YET = -1
    # A step parses less than that, and the rest is held.
    READ_SIZE_WITH_DEFLATE = 32 * 1024
    # Work of a step, a millisecond's at most: more than a read of large messages can bring, so that none of it is held.
    STEP_SIZE = 384 * 1024
    # Less would have the inflater called for a few bytes each.
    LEAST_STEP_SIZE = 32 * 1024
    FRAME_WORK = 384
    # A call of the inflater, and each byte it is given: one may say how to build tables, and the next one that again.
    CALL_WORK = 1024
    COMPRESSED_BYTE_WORK = 64
    # Parts of a step that one call of the inflater is given, and returns.
    COMPRESSED_PIECES = 192
    UNPACKED_PIECES = 6
    # zlib's inflate_state and Python's object, beside the window.
    INFLATER_SIZE = 8 * 1024
    # Bytes of pongs in the output that is not taken.
    PONG_ROOM = 4 * 1024
    # From here on what is left of a frame is received without a detour through a receive buffer.
    DIRECT_SIZE = 64 * 1024
    TRUSTED_SIZE = 1024 * 1024
    # What an event takes beside its payload: the object's head, and its place in lists.
    EVENT_OVERHEAD = 64
    # Up to there a message may unpack to as much as it likes: an empty map is not a bomb.
    RATIO_FLOOR = 1024 * 1024


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

    def tell(self, listener, connection):
        """Tell it to whom the connection belongs (connection/happenings.py)."""
        listener._ponged(connection, self.payload)


class Closed(NamedTuple):
    """The connection is over; the last event. See `Codec.close_code` and `Codec.close_reason`."""

    code: int
    reason: str

    def tell(self, listener, connection):
        """Tell it to whom the connection belongs (connection/happenings.py)."""
        listener._closed(connection)


#: What `Codec.events_received` lists.
Event = str | bytes | Pong | Closed

cdef tuple STATES = (None, State.OPEN, State.CLOSING, State.CLOSED)

cdef long long UNLIMITED = 1LL << 62

cdef enum:
    # State, for C.
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


cdef class Taker:
    """Takes whole binary messages in place of the codec's events: from where they lie, before there is an object of each."""

    cdef Taken take(self, const uchar* data, Py_ssize_t size, const uchar* key) except TAKEN_ERROR:
        """Take a message that is masked with the 4 bytes at `key`; NULL: it is not."""
        raise NotImplementedError

    cdef Taken take_whole(self, bytes message) except TAKEN_ERROR:
        """As take(), of one that came in parts."""
        raise NotImplementedError


@cython.final
cdef class Codec:
    """The frames of one connection. Feed it what arrives, take its events; call its senders, send what it queued.

    `server`: whether this end is the server. `max_message_size`: bytes of a received message, after decompression.
    `max_fragments`, `max_ratio`: see the rules above; 0 for no limit. `deflate`: what the opening handshake negotiated, None for no compression. `step_size`: how much one step parses, in
    bytes of memory that events take, or of as much other work; at least 1.
    """

    def __cinit__(
        self, *, bint server, Py_ssize_t max_message_size=16 * 1024 * 1024, deflate=None, Py_ssize_t step_size=STEP_SIZE,
        Py_ssize_t max_fragments=0, Py_ssize_t max_ratio=0
    ):
        if not 0 <= max_message_size <= PY_SSIZE_T_MAX // 2:
            raise ValueError(f"max_message_size must be 0..{PY_SSIZE_T_MAX // 2}, not {max_message_size}")
        if step_size < 1:
            raise ValueError(f"step_size must be at least 1, not {step_size}")
        self._server = server
        self._step_size = step_size
        self.max_message_size = max_message_size
        self._max_fragments = max_fragments if max_fragments > 0 else PY_SSIZE_T_MAX
        self._max_ratio = max_ratio if max_ratio > 0 else PY_SSIZE_T_MAX
        self.control_allowance = UNLIMITED
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
            self._inflater_size = INFLATER_SIZE + (1 << self._decompressor.window_bits)

    # --- in

    def get_buffer(self, Py_ssize_t sizehint=-1):
        """Room for the next read, never empty; the hint is ignored. Write and call `buffer_updated` at once, or drop it."""
        cdef ReceiveBuffer buffer
        if self._lend_message():
            self._message.lent_room = self._room
            return memoryview(self._message)
        buffer = scratch_buffer()
        self._target = buffer.target()
        self._room = self._read_size
        return buffer.view if self._room == READ_SIZE else buffer.view[:self._room]

    def buffer_updated(self, Py_ssize_t nbytes):
        """Parse the `nbytes` that were written to what `get_buffer` returned, as far as one step goes. Never raises."""
        self._received(min(nbytes, self._room))

    def receive_data(self, data not None):
        """Parse bytes that did not arrive through `get_buffer`, as far as one step goes. Never raises."""
        cdef Py_buffer source
        cdef Py_ssize_t position = 0
        cdef Py_ssize_t size
        PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
        try:
            self._work = 0
            while position < source.len:
                self._lend()
                size = min(source.len - position, self._room)
                memcpy(self._target, <uchar*>source.buf + position, size)
                self._take(size)
                position += size
        finally:
            PyBuffer_Release(&source)

    def receive_eof(self):
        """The TCP connection ended (or broke). Without a closing handshake that is 1006 (RFC 6455 §7.1.5).

        It ends when what is held has been parsed.
        """
        self._received(0)
        self._is_eof = True
        if not self.held:
            self._end_of_file()

    def limit_step(self, Py_ssize_t frames):
        """From now on a step parses about so many short frames at the most, but for `LEAST_STEP_SIZE`, and no more than before."""
        self._step_size = min(self._step_size, max(frames * (FRAME_WORK + EVENT_OVERHEAD), LEAST_STEP_SIZE))

    cpdef int resume(self) except -1:
        """Parse one more step of what is held. Never raises for what came in."""
        if not self.held:
            return 0
        self._work = 0
        try:
            self._parse_held()
        except MemoryError:
            self._fail(MESSAGE_TOO_BIG, "out of memory")
        self._count_unfinished()
        if self._is_eof and not self.held:
            self._end_of_file()
        return 0

    cpdef list events_received(self):
        """Take what arrived, in order: text as `str`, binary as `bytes`, `Pong`, and at last `Closed`. Pings are not told."""
        cdef list events = self._events
        self._events = []
        self.events_size = 0
        return events

    cpdef int fail(self, int code, str reason) except -1:
        """Fail the connection (RFC 6455 §7.1.7) for a reason that lies outside of this module, such as a limit.

        What was received and not parsed is discarded; what came before can be answered. Nothing happens if the connection
        has failed or closed already. Raises ValueError as `send_close` does.
        """
        encode_reason(code, reason)
        if not self._is_deaf:
            self._fail(code, reason)
        if self._is_eof:
            self._conclude()
        return 0

    cpdef int discard(self) except -1:
        """Drop all that waits in either direction, events included: the connection is gone. CLOSED, with 1006 if it was not."""
        self._received(0)
        if not self._is_deaf:
            self._stop_receiving(ABNORMAL_CLOSURE, "")
        self._finish()
        self._events = []
        self.events_size = 0
        return self.forget_output()

    cdef int _lend(self) except -1:
        """Set _target and _room for the next read."""
        if not self._lend_message():
            if self._buffer is None:
                self._buffer = borrow_buffer()
            self._target = self._buffer.target()
            self._room = self._read_size
        return 0

    cdef bint _lend_message(self) except -1:
        """As `_lend`, to read what is left of a large frame straight into the message. False if it does not apply."""
        self._in_place = self._left >= DIRECT_SIZE and not self._compressed and not self.held
        if not self._in_place:
            return False
        if self._message.capacity - self._message.size < DIRECT_SIZE:
            try:
                self._message.reserve(min(self._left, TRUSTED_SIZE), self._most_payload())
            except MemoryError:
                self._in_place = False
                self._fail(MESSAGE_TOO_BIG, "out of memory")
                return False
            self._count_unfinished()
        self._target = self._message.end()
        self._room = min(self._left, self._message.capacity - self._message.size)
        return True

    cdef int _received(self, Py_ssize_t size) except -1:
        """Parse the bytes that were written to _target as far as one step goes, and end the loan."""
        self._work = 0
        return self._take(size)

    cdef int _take(self, Py_ssize_t size) except -1:
        """As `_received`, within the step that is under way."""
        cdef ReceiveBuffer buffer = self._buffer
        self._buffer = None
        self._room = 0
        if size > 0 and not self._is_deaf:
            try:
                if self._in_place:
                    self._payload(self._target, size, True)
                elif self.held:
                    self._hold(self._target, size)
                else:
                    self._parse_read(self._target, size)
            except MemoryError:
                self._fail(MESSAGE_TOO_BIG, "out of memory")
            if self._opcode or self.held or self.unfinished:
                self._count_unfinished()
        if buffer is not None:
            give_back(buffer)
        return 0

    cdef int _parse_read(self, uchar* data, Py_ssize_t size) except -1:
        """Parse what was read, behind what the last read left. There is HEAD_ROOM before `data`."""
        cdef Py_ssize_t rest
        data -= self._carry_size
        size += self._carry_size
        memcpy(data, self._carry, self._carry_size)
        rest = self._parse(data, size)
        if rest:
            self._hold(data + size - rest, rest)
        return 0

    cdef int _parse_held(self) except -1:
        cdef BytesBuilder builder = self._held  # A failure lets it go.
        cdef Py_ssize_t rest = self._parse(builder.end() - self.held, self.held)
        self.held = rest
        if not rest:
            self._held = None
        return 0

    cdef int _hold(self, const uchar* data, Py_ssize_t size) except -1:
        """Keep bytes to be parsed later, behind those that are kept already: the last `held` ones of the builder."""
        cdef BytesBuilder builder = self._held
        if self._is_eof:
            return 0
        if builder is None:
            builder = self._held = BytesBuilder()
            builder.append(data, size, 0)
        else:
            if builder.capacity - builder.size < size:
                memmove(builder.start(), builder.end() - self.held, self.held)
                builder.size = self.held
            builder.append(data, size, PY_SSIZE_T_MAX)
        self.held += size
        return 0

    cdef int _count_unfinished(self) except -1:
        self.has_unfinished = self._opcode != 0
        self.unfinished = self.held
        if self._opcode:
            self.unfinished += EVENT_OVERHEAD + self._message.capacity
            if self._compressed:
                self.unfinished += self._inflater_size
        return 0

    cdef Py_ssize_t _parse(self, uchar* data, Py_ssize_t size) except -1:
        """Parse until this step's work is done, and return how many bytes are left for the next one.

        A header or control frame that is cut goes to _carry.
        """
        cdef Py_ssize_t used
        self._carry_size = 0
        while size and self._work < self._step_size:
            self._work += FRAME_WORK
            if self._left:
                used = self._payload(data, size, False)
            else:
                used = self._frame(data, size)
                if used == 0:
                    memcpy(self._carry, data, size)
                    self._carry_size = size
                    return 0
                self.frames_received += 1
            if self._is_deaf:
                return 0
            data += used
            size -= used
        return size

    cdef Py_ssize_t _frame(self, uchar* data, Py_ssize_t size) except -1:
        """Parse what starts at data: a whole frame, or the header of a data frame. Return the bytes used.

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
            return self._fail_too_big(length if length > PY_SSIZE_T_MAX // 2 else length + self._payload_size)

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
            self.compressed_received += self._compressed
            self._fragments = 0
            self.messages_begun += 1
        self._fragments += 1
        if self._fragments > self._max_fragments:
            return self._fail_limit(
                "max_fragments", self._fragments, POLICY_VIOLATION, f"message of over {self._max_fragments} fragments"
            )
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
        cdef bint is_compressed = self._compressed if self._opcode else first & RSV1 != 0
        if is_compressed:
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
        """Take payload bytes of a cut, fragmented or compressed frame: how many. `in_place`: they are at _message's end."""
        cdef bint last
        size = min(size, self._left)
        if self._compressed:
            return self._compressed_payload(data, size)
        self._unmask(data, size, self._key)
        turn_key(self._key, size)
        self._left -= size
        last = self._fin and self._left == 0
        if self._check_text(data, size, last):
            if in_place:
                self._message.size += size
            elif size:
                self._message.append(data, size, self._most_payload())
            if last:
                self._deliver_assembled()
        return size

    cdef Py_ssize_t _compressed_payload(self, const uchar* data, Py_ssize_t size) except -1:
        """As `_payload`, a piece of it: what one call of the inflater takes, and returns, is bounded."""
        cdef Py_ssize_t room = self.max_message_size - self._message.size
        cdef Py_ssize_t unused, ratio
        cdef bint last
        cdef bytes piece, unpacked
        size = min(size, max(self._step_size // COMPRESSED_PIECES, 1))
        last = self._fin and size == self._left
        if size == 0 and not last:
            return 0
        piece = PyBytes_FromStringAndSize(NULL, size)
        if self._server:
            xor_mask(<uchar*>PyBytes_AS_STRING(piece), data, size, self._key)
        else:
            memcpy(PyBytes_AS_STRING(piece), data, size)
        try:
            unpacked, unused = self._decompressor.decompress(
                piece, last=last, room=room, most=max(self._step_size // UNPACKED_PIECES, 1)
            )
        except InvalidDeflateError as error:
            return self._fail(PROTOCOL_ERROR, f"invalid compressed data: {error}")
        size -= unused
        last = last and unused == 0
        turn_key(self._key, size)
        self._left -= size
        # Text is checked, too.
        self._work += CALL_WORK + COMPRESSED_BYTE_WORK * size + (2 if self._opcode == TEXT else 1) * len(unpacked)
        if len(unpacked) > room:
            return self._fail_too_big(self._message.size + len(unpacked))
        ratio = self._ratio(self._message.size + len(unpacked))
        if ratio > self._max_ratio:
            return self._fail_limit(
                "max_ratio", ratio, POLICY_VIOLATION, f"message unpacks to over {self._max_ratio} times its size"
            )
        if self._check_text(<uchar*>PyBytes_AS_STRING(unpacked), len(unpacked), last):
            if len(unpacked):
                self._message.append(<uchar*>PyBytes_AS_STRING(unpacked), len(unpacked), self.max_message_size)
            if last:
                self._deliver_assembled()
        return size

    cdef Py_ssize_t _ratio(self, Py_ssize_t unpacked) noexcept:
        """How many times, rounded up, what was taken from the wire the message under assembly has come to; 0 up to RATIO_FLOOR."""
        cdef Py_ssize_t taken = max(self._payload_size - self._left, 1)
        return 0 if unpacked <= RATIO_FLOOR else (unpacked + taken - 1) // taken

    cdef bint _check_text(self, const uchar* data, Py_ssize_t size, bint last) except -1:
        """Whether the message under assembly goes on as valid text, if it is one (RFC 6455 §8.1: fail at once)."""
        if self._opcode != TEXT or utf8_continues(&self._utf8, data, size) and not (last and self._utf8.due):
            return True
        self._fail(INVALID_DATA, "invalid UTF-8")
        return False

    cdef int _deliver_unmasked(self, const uchar* data, Py_ssize_t size, const uchar* key) except -1:
        """Deliver a whole binary message, unmasked on its way into the `bytes` object: one pass in place of two."""
        cdef bytes message
        cdef Taken taken
        if self.taker is not None and not self._events:
            taken = self.taker.take(data, size, key if self._server else NULL)
            if taken != NOT_TAKEN:
                return self._count_taken(size, taken)
        message = PyBytes_FromStringAndSize(NULL, size)
        if self._server:
            xor_mask(<uchar*>PyBytes_AS_STRING(message), data, size, key)
        else:
            memcpy(PyBytes_AS_STRING(message), data, size)
        return self._report_message(message, size)

    cdef int _deliver(self, int opcode, const uchar* data, Py_ssize_t size) except -1:
        if opcode == BINARY:
            return self._report_message(PyBytes_FromStringAndSize(<char*>data, size), size)
        try:
            text = PyUnicode_DecodeUTF8(<char*>data, size, NULL)
        except UnicodeDecodeError:
            self._fail(INVALID_DATA, "invalid UTF-8")
            return 0
        return self._report_message(text, PyUnicode_GET_LENGTH(text) * PyUnicode_KIND(text))

    cdef int _count_taken(self, Py_ssize_t size, Taken taken) except -1:
        self.messages_received += 1
        self._work += size + EVENT_OVERHEAD
        if taken == TAKEN_LAST:
            self._work = self._step_size
        return 0

    cdef int _report_message(self, object message, Py_ssize_t size) except -1:
        self.messages_received += 1
        return self._report(message, size)

    cdef int _report(self, object event, Py_ssize_t size) except -1:
        self._events.append(event)
        size += EVENT_OVERHEAD
        self.events_size += size
        self._work += size
        return 0

    cdef int _deliver_assembled(self) except -1:
        cdef bytes data = self._message.take()
        cdef int opcode = self._opcode
        cdef Taken taken
        self._opcode = 0
        self._payload_size = 0
        if opcode == BINARY:
            if self.taker is not None and not self._events:
                taken = self.taker.take_whole(data)
                if taken != NOT_TAKEN:
                    return self._count_taken(len(data), taken)
            return self._report_message(data, len(data))
        return self._deliver(TEXT, <uchar*>PyBytes_AS_STRING(data), len(data))

    cdef int _control(self, int opcode, const uchar* data, Py_ssize_t size) except -1:
        self.control_allowance -= 1
        if opcode == CLOSE:
            return self._close_received(data, size)
        if opcode == PING:
            return self._ping_received(data, size)
        # Pong and its payload are two objects.
        return self._report(Pong(PyBytes_FromStringAndSize(<char*>data, size)), EVENT_OVERHEAD + size)

    cdef int _ping_received(self, const uchar* data, Py_ssize_t size) except -1:
        """Answer, also after our own close frame (RFC 6455 §5.5.2: unless a close frame was received).

        Where too many answers wait, the one to the newest ping is owed in place of all others (§5.5.3).
        """
        if self._owed_pong is None and self._pong_size + size < PONG_ROOM:
            return self._queue_pong(data, size)
        self._owed_pong = PyBytes_FromStringAndSize(<char*>data, size)
        return 0

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
            self._queue_owed_pong()
            self._queue(FIN | CLOSE, data, size)
        self.close_received = True
        self._end(code, reason)
        return 0

    cdef Py_ssize_t _fail_too_big(self, Py_ssize_t size) except -1:
        return self._fail_limit("max_message_size", size, MESSAGE_TOO_BIG, f"message over {self.max_message_size} bytes")

    cdef Py_ssize_t _fail_limit(self, str limit, Py_ssize_t amount, int code, str reason) except -1:
        """RFC 6455 §7.4.1: 1009 is for what is too big to process, 1008 for all else that breaks a rule of this side's."""
        self.exceeded = limit
        self.exceeded_by = amount
        return self._fail(code, reason)

    cdef Py_ssize_t _fail(self, int code, str reason) except -1:
        """Fail the WebSocket connection (RFC 6455 §7.1.7), after the answers to what came before. Return 1."""
        cdef bint has_news = len(self._events) > 0
        self._stop_receiving(code, reason)
        if not has_news:
            self._conclude()
        return 1

    cdef int _end(self, int code, str reason) except -1:
        self._stop_receiving(code, reason)
        return self._finish()

    cdef int _end_of_file(self) except -1:
        self._conclude()
        if not self._is_deaf:
            self._end(ABNORMAL_CLOSURE, "")
        return 0

    cdef int _stop_receiving(self, int code, str reason) except -1:
        self._is_deaf = True
        self.close_code = code
        self.close_reason = reason
        self._left = 0
        self._carry_size = 0
        self._opcode = 0
        self._message = BytesBuilder()
        self._held = None
        self.held = 0
        self._count_unfinished()
        self._decompressor = None
        self.taker = None
        self._events.append(Closed(code, reason))
        return 0

    cdef int _conclude(self) except -1:
        """Say that this side has failed the connection, if it has."""
        if self._is_deaf and self._state != CLOSED:
            if not self._close_sent:
                self._queue_close(self.close_code, self.close_reason.encode())
            self._finish()
        return 0

    cdef int _finish(self) except -1:
        self._state = CLOSED
        self._compressor = None
        self._owed_pong = None
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
        self._queue_owed_pong()
        append_head(self._output, FIN | BINARY, size)
        self.frames_sent += 1
        return True

    def send_fragment(self, data not None, *, bint first, bint fin, bint text):
        """Queue one frame of a fragmented message; `text` counts for the first one.

        Text comes as `str`, or as UTF-8 bytes that may be cut anywhere. Until `fin` no other message can be sent.
        Raises ValueError for invalid UTF-8, RuntimeError if not OPEN, or if `first` does not fit what came before.
        """
        cdef Py_buffer view
        cdef int opcode = self._fragment_opcode
        cdef Utf8 utf8 = self._fragment_utf8
        if self._state != OPEN or self._is_compressing or first == (opcode != 0):
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
        cdef bytes encoded = b""
        if code != NO_STATUS_RECEIVED:
            encoded = encode_reason(code, reason)
        elif reason:
            raise ValueError("a close frame without a code has no reason")
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
            self._is_compressing = True
            try:
                frame = message.compressed_frame(self._compressor)
            finally:
                self._is_compressing = False
            self._require_open()
            self.compressed_sent += 1
        else:
            frame = message.frame()
        self._output.append(<const uchar*>PyBytes_AS_STRING(frame), len(frame), PY_SSIZE_T_MAX)
        self.frames_sent += 1

    cpdef bytes data_to_send(self):
        """Take everything queued as one `bytes` object, empty if there is nothing."""
        self._conclude()
        self._queue_owed_pong()
        self._pong_size = 0
        return self._output.take()

    cdef Py_ssize_t output(self, const uchar** data) except -1:
        self._conclude()
        if self._pong_size < PONG_ROOM:  # Asked for again and again, and never taken, it does not grow.
            self._queue_owed_pong()
        data[0] = self._output.start() if self._output.size else NULL
        return self._output.size

    cdef int forget_output(self) except -1:
        self._pong_size = 0
        return self._output.clear()

    cdef BytesBuilder replace_output(self, BytesBuilder following):
        """Take what is queued, as output() has told it; what is queued from now on goes to `following`, which is empty."""
        cdef BytesBuilder output = self._output
        self._output = following
        self._pong_size = 0
        return output

    @property
    def buffered_amount(self):
        """Bytes queued and not yet taken."""
        return self.queued()

    cdef Py_ssize_t queued(self) noexcept:
        if self._owed_pong is None:
            return self._output.size
        return self._output.size + 2 + (0 if self._server else 4) + len(self._owed_pong)

    @property
    def state(self):
        """The `State` of the connection."""
        return STATES[self._state]

    cpdef bint is_open(self):
        """Whether the state is OPEN."""
        return self._state == OPEN

    cdef int _require_open(self) except -1:
        if not self._server:
            need_masking_keys()
        if self._state != OPEN:
            raise RuntimeError("the connection is closing or closed")
        if self._is_compressing:
            raise RuntimeError("another thread is sending a message")
        if self._fragment_opcode:
            raise RuntimeError("a fragmented message is being sent: finish it first")
        return 0

    cdef int send_message(self, int opcode, const uchar* data, Py_ssize_t size) except -1:
        self._require_open()
        return self._queue_data(FIN | opcode, data, size, self._is_compressed(opcode, size))

    cdef bint queue_in_room(self, int opcode, const uchar* data, Py_ssize_t size, Py_ssize_t most) noexcept nogil:
        """As send_message(), without the GIL, where there is nothing more to it than a copy, and up to `most` bytes in all.

        False: nothing was done.
        """
        if (
            self._state != OPEN
            or self._is_compressing
            or not self._server
            or self._owed_pong is not None
            or self._fragment_opcode != 0
            or self._is_compressed(opcode, size)
            or self._output.size + size > most
            or not append_frame_in_room(self._output, FIN | opcode, data, size)
        ):
            return False
        self.frames_sent += 1
        return True

    cdef bint _is_compressed(self, int opcode, Py_ssize_t size) noexcept nogil:
        """Whether to send a message of that size compressed."""
        return size >= (self._min_compressed_text if opcode == TEXT else self._min_compressed_binary)

    cdef int _send_control(self, int opcode, bytes payload) except -1:
        if not self._server:
            need_masking_keys()
        if self._state == CLOSED:
            raise RuntimeError("the connection is closed")
        if len(payload) > MAX_CONTROL_PAYLOAD:
            raise ValueError(f"the payload of a ping or pong has at most 125 bytes, not {len(payload)}")
        return self._queue(FIN | opcode, <const uchar*>PyBytes_AS_STRING(payload), len(payload))

    cdef int _queue_close(self, int code, bytes reason) except -1:
        cdef bytes payload = b"" if code == NO_STATUS_RECEIVED else code.to_bytes(2, "big") + reason
        self._close_sent = True
        self._queue_owed_pong()
        return self._queue(FIN | CLOSE, <const uchar*>PyBytes_AS_STRING(payload), len(payload))

    cdef int _queue_data(self, int first, const uchar* data, Py_ssize_t size, bint compressed) except -1:
        cdef bytes payload
        if not compressed:
            return self._queue(first, data, size)
        payload = self._compress(PyMemoryView_FromMemory(<char*>data, size, PyBUF_READ), first & FIN != 0)
        # RFC 7692 §6: the first frame of a compressed message says so.
        if first & OPCODE:
            first |= RSV1
            self.compressed_sent += 1
        return self._queue(first, <const uchar*>PyBytes_AS_STRING(payload), len(payload))

    cdef bytes _compress(self, object data, bint last):
        """Compress a piece of a message that is to be queued now. Another thread may run meanwhile, and close."""
        cdef object compressor = self._compressor
        cdef bytes payload
        self._is_compressing = True
        try:
            payload = compressor.compress(data, last=last)
        finally:
            self._is_compressing = False
        if not self._server:
            need_masking_keys()
        if self._state != OPEN:
            raise RuntimeError("the connection is closing or closed")
        return payload

    cdef int _queue_pong(self, const uchar* payload, Py_ssize_t size) except -1:
        cdef Py_ssize_t before = self._output.size
        self._queue(FIN | PONG, payload, size)
        self._pong_size += self._output.size - before
        return 0

    cdef int _queue_owed_pong(self) except -1:
        cdef bytes payload = self._owed_pong
        if payload is None:
            return 0
        self._owed_pong = None
        return self._queue_pong(<const uchar*>PyBytes_AS_STRING(payload), len(payload))

    cdef int _queue(self, int first, const uchar* payload, Py_ssize_t size) except -1:
        append_frame(self._output, first, payload, size, not self._server)
        self.frames_sent += 1
        return 0


cdef bytes encode_reason(int code, str reason):
    """What follows the code in a close frame. Raises ValueError for what no close frame may carry."""
    cdef bytes encoded = reason.encode()
    if not is_valid_close_code(code):
        raise ValueError(f"{code} cannot be sent as a close code: use 1000 or 3000..4999")
    if len(encoded) > MAX_CONTROL_PAYLOAD - 2:
        raise ValueError(f"a close reason has at most 123 bytes of UTF-8, not {len(encoded)}")
    return encoded
