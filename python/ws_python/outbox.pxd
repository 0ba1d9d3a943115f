# The C view of outbox.py: a message takes no attribute look-up on its way into the codec.

cimport cython

from .protocol.codec cimport Codec

cdef object _OK, _ERR_CONNECTION_ERROR, _ERR_BUSY, _ERR_OUT_OF_MEMORY, _ERR_INVALID_PARAMETER, _ERR_INVALID_DATA
cdef Py_ssize_t _FRAME_OVERHEAD, _MAX_UTF8_BYTES, _MAX_CONTROL_PAYLOAD, _UNCOPIED_SIZE


cdef class Outbox:
    cdef Py_ssize_t _outbound_buffer_size
    cdef public Codec _codec
    cdef public object _transport
    cdef public bint is_open
    cdef public bint _write_paused
    cdef public int _fd
    cdef public object _unsent
    cdef public bint _writing_soon
    cdef public object _fragment_type

    @cython.locals(codec=Codec)
    cpdef object send(self, object message)
    cpdef object send_prepared(self, object message)
    cdef bint _send_uncopied(self, Codec codec, object message, Py_ssize_t size) except -1
    cdef bint _has_room(self, Codec codec, Py_ssize_t size) except -1
    cdef bint _has_room_for_text(self, Codec codec, str text) except -1
    cpdef object _write_soon(self)
