# The C view of outbox.py: a message takes no attribute look-up on its way into the codec.

cimport cython

from .plain_tcp cimport Stream
from .protocol.buffers cimport uchar
from .protocol.codec cimport Codec
from .protocol.prepared cimport PreparedMessage
from .writers cimport Writers

cdef object _OK, _ERR_CONNECTION_ERROR, _ERR_BUSY, _ERR_OUT_OF_MEMORY, _ERR_INVALID_PARAMETER, _ERR_INVALID_DATA
cdef Py_ssize_t _FRAME_OVERHEAD, _MAX_UTF8_BYTES, _MAX_CONTROL_PAYLOAD, _UNCOPIED_SIZE
cdef Writers _writers


cdef class Outbox(Stream):
    cdef Py_ssize_t _outbound_buffer_size
    cdef public object _transport
    cdef public bint is_open
    cdef public bint _write_paused
    cdef public object _unsent
    cdef public object _fragment_type

    @cython.locals(codec=Codec)
    cpdef object send(self, object message)
    @cython.locals(codec=Codec)
    cpdef object send_prepared(self, PreparedMessage message)
    @cython.locals(codec=Codec)
    cdef bint queue(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    @cython.locals(queued=Py_ssize_t, taken=Py_ssize_t)
    cdef bint _send_uncopied(self, Codec codec, object message, Py_ssize_t size) except -1
    cdef bint _has_room(self, Codec codec, Py_ssize_t size) except -1
    cdef bint _has_room_for_text(self, Codec codec, str text) except -1
    @cython.locals(codec=Codec, taken=Py_ssize_t)
    cpdef flush(self)
