# The C view of outbox.pyx: a message takes no attribute look-up on its way into the codec.

from ws_python.connection.meter cimport Meter
from ws_python.loop.writers cimport Writer
from ws_python.net.link cimport Link
from ws_python.protocol.buffers cimport BytesBuilder, uchar
from ws_python.protocol.codec cimport Codec
from ws_python.protocol.prepared cimport PreparedMessage
from ws_python.protocol.session cimport Session


cdef class Outbox(Writer):
    cdef object __weakref__
    #: Whether messages can be queued: set with the connection's phase, and nowhere else.
    cdef public bint accepts
    #: The parts beside it; None until they are there.
    cdef public Codec codec
    cdef public Link link
    #: Called with the connection and a message that is to be sent: what to send in its place, None for nothing. Or None.
    cdef public object supervisor
    #: protocol/session.py: keeps what is sent until the other side has it. None without one.
    cdef readonly Session session
    #: Messages can be queued though there is no connection: the session outlives it.
    cdef public bint lasts
    cdef Meter _meter
    # The connection: its `output_changed()` is called when the codec has closed, its `written()` when asked for.
    cdef object _owner
    cdef bint _tells_written
    cdef Py_ssize_t _limit
    # What a message that waits is counted with, beside its own bytes.
    cdef Py_ssize_t _overhead
    # What of a write is still to be taken by the link, before anything of the codec.
    cdef object _unsent
    # What another thread sends for the link, until `settled`.
    cdef BytesBuilder _handed_over
    # What of amount() the meter was told of, while the link takes nothing more.
    cdef Py_ssize_t _held_back
    # str or bytes while a message is sent in fragments.
    cdef object _fragment_type
    # What send_latest() was given and the codec was not yet: (message, size) by key, the one that waits longest first;
    # None before its first use; and what all of it takes of the limit.
    cdef object _latest
    # With a session: the fragments of a message that is not whole yet.
    cdef list _fragments
    cdef Py_ssize_t _fragments_size
    cdef Py_ssize_t _latest_size
    # Whether the limit is reached (see STALLED), and how little must wait before that is over.
    cdef int _stall
    cdef Py_ssize_t _drained_at

    cpdef object send(self, object message)
    cpdef object send_prepared(self, PreparedMessage message)
    cpdef object send_latest(self, object key, object message)
    cdef bint has_latest(self, object key) except -1
    cpdef bint lags(self) except -1
    cdef object _refuse(self, Py_ssize_t size)
    cdef object _full(self, Py_ssize_t size)
    cdef bint _is_drained(self) except -1
    cdef int _forget_latest(self) except -1
    cdef Py_ssize_t _queue_latest(self, Py_ssize_t most) except -1
    cdef bint queue(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    cdef bint queue_in_room(self, int opcode, const uchar* data, Py_ssize_t size) noexcept nogil
    cdef object _refusal(self)
    cdef object _send(self, object message)
    cdef bint is_full(self) noexcept
    cdef object _send_in_session(self, object message)
    cdef bint _queue_in_session(self, int opcode, const uchar* data, Py_ssize_t size) except -1
    cdef object _put_in_session(self, object wire, Py_ssize_t size)
    cdef int _write_message(self, object message) except -1
    cdef bint _send_uncopied(self, object message, Py_ssize_t size) except -1
    cpdef Py_ssize_t amount(self) except -1
    cpdef Py_ssize_t owed(self) except -1
    cdef bint _has_room(self, Py_ssize_t size) except -1
    cdef bint _has_room_for_text(self, str text) except -1
    cdef int _flush(self) except -1
    cdef int _settle(self) except -1
    cdef int _hold_back(self) except -1
    cdef bint _write_unsent(self) except -1
    cdef bint _write_output(self, Codec codec) except -1
