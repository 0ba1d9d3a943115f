# The C view of tls_link.pyx.

from ws_python.net.link cimport Link, Receiver, uchar
from ws_python.net.over cimport OverLink


cdef class TlsLink(OverLink):
    # OpenSSL's side: what came and is not decrypted, what is encrypted and not sent, and the part of that the link below has
    # not taken yet.
    cdef object _tls
    cdef object _incoming
    cdef object _outgoing
    cdef object _pending
    # How many bytes of records the link below has taken.
    cdef long long _records_taken
    # What came and OpenSSL was not given yet, from `_rest_used` on; None for nothing.
    cdef bytes _rest
    cdef Py_ssize_t _rest_used
    # Where in a record it is that what comes next belongs: how much of its head was seen, and how much of its body is to come.
    cdef int _head_seen
    cdef unsigned short _body_size
    cdef Py_ssize_t _body_left
    # Records that OpenSSL was given and nothing came out of yet, with what it answered them; since when, on the clock of deadlines.
    cdef Py_ssize_t _idle
    cdef double _idle_since
    cdef object _explain
    cdef object _fault
    cdef bytes _plain_answer
    cdef bint _has_heard
    # The TLS handshake is done; it has failed.
    cdef bint _is_ready
    cdef bint _has_failed
    # Something was decrypted: from then on an error is the end of a connection, and not why there is none.
    cdef bint _is_proven
    cdef bint _is_paused
    cdef bint _is_reading
    cdef bint _is_closing
    cdef bint _below_has_ended

    cdef int _take(self, const uchar* data, Py_ssize_t size) except -1
    cdef bint _take_rest(self) except? -1
    cdef Py_ssize_t _portion(self, const uchar* data, Py_ssize_t size) noexcept
    cdef int _settle(self) except -1
    cdef int _shake_hands(self) except -1
    cdef int _read(self) except -1
    cdef bint _read_once(self, Receiver receiver) except? -1
    cdef bint _flush(self) except? -1
    cdef int _fail(self, object error) except -1
    cdef int _tell_end(self) except -1
