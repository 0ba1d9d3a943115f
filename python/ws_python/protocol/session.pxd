# The C view of session.py: what is kept of a message, and counted of one that came, takes no attribute look-up.

cimport cython

cdef Py_ssize_t _OVERHEAD


cdef class Session:
    cdef public Py_ssize_t buffer_size
    cdef public long long sent
    cdef public long long written
    cdef public long long acknowledged
    cdef public long long received
    cdef public long long told
    cdef public Py_ssize_t kept_size
    cdef public long long replayed
    cdef public bint is_attached
    cdef public bint is_tentative
    cdef list _kept
    cdef list _sizes
    cdef Py_ssize_t _untold
    cdef Py_ssize_t _others_buffer

    cpdef bint has_room(self, Py_ssize_t size) except -1
    cpdef object send(self, object message, Py_ssize_t size)
    @cython.locals(count=Py_ssize_t, size=Py_ssize_t)
    cpdef acknowledge(self, long long number)
    cpdef check_number(self, long long number)
    cpdef count(self, Py_ssize_t size)
    @cython.locals(received=Py_ssize_t, untold=Py_ssize_t, place=Py_ssize_t, data=bytes, text=str)
    cpdef Py_ssize_t count_plain(self, list messages, Py_ssize_t begin) except -1
    cpdef bint must_tell(self) except -1


cdef class Layer:
    cdef public Session session
    cdef public list outgoing
    cdef public str error
    cdef public object sampler
    cdef public bint is_on
    cdef public bint is_greeted
    cdef public bint is_confirmed
    cdef bint _is_server
    cdef bint _is_off
    cdef bint _has_left
    cdef bint _is_resuming
    cdef str _hello
    cdef list _waiting

    cpdef list receive(self, list messages)
    @cython.locals(session=Session, begin=Py_ssize_t, place=Py_ssize_t)
    cdef _receive(self, list messages, list events)
    @cython.locals(session=Session)
    cdef _receive_first(self, list messages, list events)
    @cython.locals(session=Session)
    cdef _decide(self, object welcome, list messages, list events)
    cdef _receive_escaped(self, Session session, object message, list events)
