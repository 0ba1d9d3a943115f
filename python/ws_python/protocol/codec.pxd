"""The codec for other compiled modules: see codec.pyx. What begins with an underscore is its own, but for what
plain_tcp.pyx reads from a socket with: `_lend` sets `_target` and `_room`, and `_received` ends that.
"""

cimport cython

from .buffers cimport BytesBuilder, ReceiveBuffer, uchar
from .prepared cimport PreparedMessage
from .wire cimport MAX_CONTROL_PAYLOAD, MAX_HEADER, Utf8

cdef enum:
    # A cut frame that stays in the carry: any header, or a control frame (which has no extended length).
    CARRY_SIZE = MAX_HEADER + MAX_CONTROL_PAYLOAD


cdef enum Taken:
    TAKEN_ERROR = -1
    #: It is to be an event.
    NOT_TAKEN = 0
    TAKEN = 1
    #: And that is enough: what is left waits for the next step.
    TAKEN_LAST = 2


cdef class Taker:
    cdef Taken take(self, const uchar* data, Py_ssize_t size, const uchar* key) except TAKEN_ERROR
    cdef Taken take_whole(self, bytes message) except TAKEN_ERROR


@cython.final
cdef class Codec:
    cdef readonly Py_ssize_t max_message_size
    #: -1 until the connection is over. Then what the other side sent (1005: a close frame without a code; 1006: no
    #: close frame), or, when this side failed the connection, the code it sent (1002, 1007 or 1009).
    cdef readonly int close_code
    #: Likewise; "" until then and where there is none.
    cdef readonly str close_reason
    #: Whether these are what the other side sent.
    cdef readonly bint close_received
    #: Bytes of memory that the events not taken yet hold.
    cdef readonly Py_ssize_t events_size
    #: Bytes received and not parsed yet: `resume` goes on with them.
    cdef readonly Py_ssize_t held
    #: Whether a message is under way: its first frame was parsed, its last byte was not.
    cdef readonly bint has_unfinished
    #: Bytes of memory that it holds (its payload, and a live inflater), and those that are held; 0 if there is neither.
    cdef readonly Py_ssize_t unfinished
    #: Messages so far that did not arrive in one piece: tells one unfinished message from the next.
    cdef readonly Py_ssize_t messages_begun
    #: Frames of all kinds that were parsed, and that were queued.
    cdef readonly long long frames_received
    cdef readonly long long frames_sent
    #: Text and binary messages that arrived whole.
    cdef readonly long long messages_received
    #: Messages whose first frame said that they are compressed.
    cdef readonly long long compressed_received
    cdef readonly long long compressed_sent
    #: Control frames that may still come; below 0 they still count, and nothing happens here: that is the owner's matter.
    cdef public long long control_allowance
    #: The limit that a message went beyond, by its name as an argument of Codec; None as long as none did.
    cdef readonly str exceeded
    #: What the message came to, or would have: bytes, frames, times its size on the wire.
    cdef readonly Py_ssize_t exceeded_by

    #: Who takes binary messages as long as no event waits to be taken; None: nobody does.
    cdef public Taker taker

    cdef bint _server
    cdef int _state
    cdef bint _close_sent
    # No more input is taken.
    cdef bint _is_deaf
    cdef list _events

    # The frame that is arriving, while its payload has not arrived whole.
    cdef Py_ssize_t _left
    cdef bint _fin
    cdef uchar _key[4]
    # The message that is arriving: its opcode, or 0 between messages. _payload_size counts payload as on the wire.
    cdef int _opcode
    cdef bint _compressed
    cdef Py_ssize_t _payload_size
    # Its frames so far, and how many it may have.
    cdef Py_ssize_t _fragments
    cdef Py_ssize_t _max_fragments
    cdef Py_ssize_t _max_ratio
    cdef Utf8 _utf8
    cdef BytesBuilder _message

    # The read under way: _room bytes at _target. _in_place: straight into _message. _buffer is what `_lend` borrowed.
    cdef ReceiveBuffer _buffer
    cdef uchar* _target
    cdef Py_ssize_t _room
    cdef bint _in_place
    cdef uchar _carry[CARRY_SIZE]
    cdef Py_ssize_t _carry_size
    # The step under way, see codec.pyx; and what it left for the next one, None where nothing is held.
    cdef Py_ssize_t _step_size
    cdef Py_ssize_t _work
    cdef BytesBuilder _held
    # No more arrives than what is held.
    cdef bint _is_eof

    cdef BytesBuilder _output
    # Bytes of pongs in _output; and the payload of the newest ping if there was no room for its answer.
    cdef Py_ssize_t _pong_size
    cdef bytes _owed_pong
    # The message that is being sent in fragments: its opcode, or 0.
    cdef int _fragment_opcode
    cdef bint _fragments_compressed
    cdef Utf8 _fragment_utf8

    cdef Py_ssize_t _read_size
    # Messages from that many bytes on are compressed.
    cdef Py_ssize_t _min_compressed_text
    cdef Py_ssize_t _min_compressed_binary
    cdef object _compressor
    cdef bint _is_compressing
    cdef object _decompressor
    cdef Py_ssize_t _inflater_size

    cdef int _lend(self) except -1
    cdef bint _lend_message(self) except -1
    cdef int _received(self, Py_ssize_t size) except -1
    cdef int _take(self, Py_ssize_t size) except -1
    cdef int _parse_read(self, uchar* data, Py_ssize_t size) except -1
    cdef int _parse_held(self) except -1
    cdef int _hold(self, const uchar* data, Py_ssize_t size) except -1
    cdef int _count_unfinished(self) except -1
    cdef Py_ssize_t _parse(self, uchar* data, Py_ssize_t size) except -1
    cdef Py_ssize_t _frame(self, uchar* data, Py_ssize_t size) except -1
    cdef str _header_error(self, int first, int second, int opcode)
    cdef Py_ssize_t _payload_limit(self, int first) noexcept
    cdef Py_ssize_t _most_payload(self) noexcept
    cdef void _unmask(self, uchar* data, Py_ssize_t size, const uchar* key) noexcept
    cdef Py_ssize_t _payload(self, uchar* data, Py_ssize_t size, bint in_place) except -1
    cdef Py_ssize_t _compressed_payload(self, const uchar* data, Py_ssize_t size) except -1
    cdef Py_ssize_t _ratio(self, Py_ssize_t unpacked) noexcept
    cdef bint _check_text(self, const uchar* data, Py_ssize_t size, bint last) except -1
    cdef int _deliver_unmasked(self, const uchar* data, Py_ssize_t size, const uchar* key) except -1
    cdef int _deliver(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    cdef int _count_taken(self, Py_ssize_t size, Taken taken) except -1
    cdef int _report_message(self, object message, Py_ssize_t size) except -1
    cdef int _report(self, object event, Py_ssize_t size) except -1
    cdef int _deliver_assembled(self) except -1
    cdef int _control(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    cdef int _ping_received(self, const uchar* data, Py_ssize_t size) except -1
    cdef int _close_received(self, const uchar* data, Py_ssize_t size) except -1
    cdef Py_ssize_t _fail_too_big(self, Py_ssize_t size) except -1
    cdef Py_ssize_t _fail_limit(self, str limit, Py_ssize_t amount, int code, str reason) except -1
    cdef Py_ssize_t _fail(self, int code, str reason) except -1
    cdef int _end(self, int code, str reason) except -1
    cdef int _end_of_file(self) except -1
    cdef int _stop_receiving(self, int code, str reason) except -1
    cdef int _conclude(self) except -1
    cdef int _finish(self) except -1
    cdef int _require_open(self) except -1
    cdef bint _is_compressed(self, int opcode, Py_ssize_t size) noexcept nogil
    cdef int _send_control(self, int opcode, bytes payload) except -1
    cdef int _queue_close(self, int code, bytes reason) except -1
    cdef int _queue_data(self, int first, const uchar* data, Py_ssize_t size, bint compressed) except -1
    cdef bytes _compress(self, object data, bint last)
    cdef int _queue_pong(self, const uchar* payload, Py_ssize_t size) except -1
    cdef int _queue_owed_pong(self) except -1
    cdef int _queue(self, int first, const uchar* payload, Py_ssize_t size) except -1

    #: Queue a whole message: TEXT, which must be valid UTF-8, or BINARY. Raises as `send_binary` does.
    cdef int send_message(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    #: What is queued, where it lies, until the next call that queues; `forget_output` when it was sent.
    cdef Py_ssize_t output(self, const uchar** data) except -1
    cdef int forget_output(self) except -1
    cdef BytesBuilder replace_output(self, BytesBuilder following)
    #: `buffered_amount`.
    cdef Py_ssize_t queued(self) noexcept
    cdef bint queue_in_room(self, int opcode, const uchar* data, Py_ssize_t size, Py_ssize_t most) noexcept nogil
    cpdef bint is_open(self)
    cpdef int resume(self) except -1
    cpdef list events_received(self)
    cpdef int fail(self, int code, str reason) except -1
    cpdef int discard(self) except -1
    cpdef bytes data_to_send(self)
    cpdef send_prepared(self, PreparedMessage message)
    cpdef send_text(self, str text)
    cpdef send_binary(self, data)
    cpdef bint send_binary_head(self, Py_ssize_t size) except -1
