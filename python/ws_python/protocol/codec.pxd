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


@cython.final
cdef class Codec:
    cdef readonly Py_ssize_t max_message_size
    #: -1 until the connection is over. Then what the other side sent (1005: a close frame without a code; 1006: no
    #: close frame), or, when this side failed the connection, the code it sent (1002, 1007 or 1009).
    cdef readonly int close_code
    #: Likewise; "" until then and where there is none.
    cdef readonly str close_reason
    #: Bytes of memory that the events not taken yet hold.
    cdef readonly Py_ssize_t events_size

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
    cdef Utf8 _utf8
    cdef BytesBuilder _message

    # The read under way: _room bytes at _target. _buffer is None for a read straight into _message.
    cdef ReceiveBuffer _buffer
    cdef uchar* _target
    cdef Py_ssize_t _room
    cdef uchar _carry[CARRY_SIZE]
    cdef Py_ssize_t _carry_size

    cdef BytesBuilder _output
    # The message that is being sent in fragments: its opcode, or 0.
    cdef int _fragment_opcode
    cdef bint _fragments_compressed
    cdef Utf8 _fragment_utf8

    cdef Py_ssize_t _read_size
    # Messages from that many bytes on are compressed.
    cdef Py_ssize_t _min_compressed_text
    cdef Py_ssize_t _min_compressed_binary
    cdef object _compressor
    cdef object _decompressor

    cdef int _lend(self) except -1
    cdef int _received(self, Py_ssize_t size) except -1
    cdef int _parse(self, uchar* data, Py_ssize_t size) except -1
    cdef Py_ssize_t _frame(self, uchar* data, Py_ssize_t size) except -1
    cdef str _header_error(self, int first, int second, int opcode)
    cdef Py_ssize_t _payload_limit(self, int first) noexcept
    cdef Py_ssize_t _most_payload(self) noexcept
    cdef void _unmask(self, uchar* data, Py_ssize_t size, const uchar* key) noexcept
    cdef Py_ssize_t _payload(self, uchar* data, Py_ssize_t size, bint in_place) except -1
    cdef int _decompress(self, const uchar* data, Py_ssize_t size, bint last) except -1
    cdef bint _check_text(self, const uchar* data, Py_ssize_t size, bint last) except -1
    cdef int _deliver_unmasked(self, const uchar* data, Py_ssize_t size, const uchar* key) except -1
    cdef int _deliver(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    cdef int _report(self, object event, Py_ssize_t size) except -1
    cdef int _deliver_assembled(self) except -1
    cdef int _control(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    cdef int _close_received(self, const uchar* data, Py_ssize_t size) except -1
    cdef Py_ssize_t _fail_too_big(self) except -1
    cdef Py_ssize_t _fail(self, int code, str reason) except -1
    cdef int _end(self, int code, str reason) except -1
    cdef int _stop_receiving(self, int code, str reason) except -1
    cdef int _conclude(self) except -1
    cdef int _require_open(self) except -1
    cdef bint _is_compressed(self, int opcode, Py_ssize_t size) noexcept
    cdef int _send_control(self, int opcode, bytes payload) except -1
    cdef int _queue_close(self, int code, bytes reason) except -1
    cdef int _queue_data(self, int first, const uchar* data, Py_ssize_t size, bint compressed) except -1
    cdef int _queue(self, int first, const uchar* payload, Py_ssize_t size) except -1

    #: Queue a whole message: TEXT, which must be valid UTF-8, or BINARY. Raises as `send_binary` does.
    cdef int send_message(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    #: What is queued, where it lies, until the next call that queues; `forget_output` when it was sent.
    cdef Py_ssize_t output(self, const uchar** data) except -1
    cdef int forget_output(self) except -1
    cpdef bint is_open(self)
    cpdef list events_received(self)
    cpdef bytes data_to_send(self)
    cpdef send_prepared(self, PreparedMessage message)
    cpdef send_text(self, str text)
    cpdef send_binary(self, data)
    cpdef bint send_binary_head(self, Py_ssize_t size) except -1
