# The C view of link.pyx: what is read and written takes no attribute look-up between a socket and a codec.

from ws_python.loop.epoll cimport Watched
from ws_python.loop.writers cimport Writers

ctypedef unsigned char uchar


cdef class Receiver:
    # Where the next read is to go, between lend() and received().
    cdef uchar* target
    cdef Py_ssize_t room

    cdef int lend(self) except -1
    cdef int received(self, Py_ssize_t size) except -1
    cpdef receive(self, object data)
    cpdef ended(self)
    cpdef refused(self, str reason, bint retryable)
    cpdef writable(self)


cdef class Link(Watched):
    #: Whom it gives what arrives; None: nobody, what arrives is thrown away.
    cdef public Receiver receiver
    #: Who is at the other end: the IP address and TCP port, "" and 0 where there is none. Of a Unix socket "unix:/path" and
    #: 0 on both sides; through a proxy, the host and port that it was asked for.
    cdef public str host
    cdef public int port
    #: The certificate that the other side has shown and that was checked, in PEM format; "" for none.
    cdef public str certificate
    #: Whether another thread can write for it, see hand_over().
    cdef bint hands_over
    #: It has taken less than it was given, and has not called `Receiver.writable` since.
    cdef public bint is_blocked
    #: There is nothing more to receive, or to carry at all.
    cdef public bint is_ended
    #: It took bytes that are lost, see write().
    cdef public bint is_broken

    cdef Py_ssize_t write_memory(self, const uchar* data, Py_ssize_t size) except -1
    cdef Py_ssize_t write_after(self, const uchar* head, Py_ssize_t size, object data) except -1
    cpdef Py_ssize_t write(self, object data) except -1
    cdef int hand_over(self, Writers writers, const uchar* data, Py_ssize_t size) except -1
    cdef Py_ssize_t settled(self, Py_ssize_t sent, Py_ssize_t size) except -1
    cpdef str local_host(self)
    cpdef Py_ssize_t held(self) except -1
    cpdef double round_trip(self) except -1
    cpdef Py_ssize_t unconfirmed(self) except -1
    cpdef long long confirmed(self, long long taken) except -1
    cpdef bint is_clear(self) except -1
    cpdef bint lags(self) except -1
    cpdef pause(self)
    cpdef resume(self)
    cpdef half_close(self)
    cpdef reset(self)
    cpdef Link underlay(self, make)
    cpdef drop(self)
