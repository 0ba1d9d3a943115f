# The C view of inbox.py: what was read takes no attribute look-up on its way from the codec to the user.

cimport cython

from .outbox cimport Outbox
from .protocol.codec cimport Codec
from .writers cimport Writers

cdef Writers _writers
cdef int _MOST_NESTED


cdef class Intake(Outbox):
    cdef public object peer
    cdef public object peer_id
    cdef object kept_by_sink
    cdef public Inbox _inbox
    cdef public bint _read_paused
    cdef readonly Py_ssize_t _queued
    cdef Py_ssize_t _max_queued_bytes

    @cython.locals(codec=Codec)
    cpdef received(self)
    @cython.locals(size=Py_ssize_t, events=list)
    cpdef _pass_on(self, Codec codec)
    cpdef _put(self, list events, Py_ssize_t size)
    cdef _taken(self, Py_ssize_t size)


cdef class Sink:
    cpdef message(self, Intake source, object message)
    cpdef settle(self)


cdef class PeerSink(Sink):
    cdef Intake _owing
    cdef object _owed

    cpdef message(self, Intake source, object message)
    @cython.locals(owing=Intake)
    cpdef settle(self)
    cpdef tell_server(self, Intake source, object message)
    cpdef tell_peer(self, Intake source, object message)


cdef class _Batch:
    cdef Intake source
    cdef list events
    cdef Py_ssize_t size


cdef class Inbox:
    cdef Sink _sink
    cdef object _other
    cdef int _nested
    cdef object _batches
    cdef public Intake source
    cdef list _events
    cdef Py_ssize_t _next

    @cython.locals(batch=_Batch)
    cpdef put(self, Intake source, list events, Py_ssize_t size)
    cpdef bint is_empty(self)
    @cython.locals(batch=_Batch)
    cdef bint _next_batch(self) except -1
    cpdef deliver(self)
    cdef _deliver_all(self)
