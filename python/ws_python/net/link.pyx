# cython: language_level=3
"""The Link: what carries the bytes of one connection, whatever is below it: plain TCP, TLS, another system's sockets.

Nothing above it asks for a file descriptor or for asyncio. It knows no WebSocket.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memcpy


cdef class Receiver:
    """Whom a link gives what arrives. None of these may call what a user wrote."""

    cdef int lend(self) except -1:
        """Set `target` and `room`, at least one byte, for one read, which received() ends at once."""
        raise NotImplementedError

    cdef int received(self, Py_ssize_t size) except -1:
        """So many bytes are at `target`, or none. About how many microseconds that took, beside what bytes take."""
        raise NotImplementedError

    cpdef receive(self, object data):
        """Take bytes that were read elsewhere."""
        cdef Py_buffer view
        cdef Py_ssize_t taken = 0
        cdef Py_ssize_t size
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            while taken < view.len:
                self.lend()
                size = min(self.room, view.len - taken)
                memcpy(self.target, <uchar*>view.buf + taken, size)
                taken += size
                self.received(size)
        finally:
            PyBuffer_Release(&view)

    cpdef ended(self):
        """The other side sends nothing more, or the connection broke. Told once."""
        raise NotImplementedError

    cpdef refused(self, str reason, bint retryable):
        """The other side and this one did not agree on how to carry bytes, or do not any more. Once; the link ends later.

        `reason` says why in one line, `retryable` whether another attempt may succeed.
        """
        self.ended()

    cpdef writable(self):
        """The link takes bytes again, after it took less than it was given."""
        raise NotImplementedError


cdef class Link(Watched):
    """Carries the bytes of one connection. Begins to receive as soon as it is made, or `receiver` is set."""

    def __cinit__(self):
        self.host = ""
        self.certificate = ""

    cdef Py_ssize_t write_memory(self, const uchar* data, Py_ssize_t size) except -1:
        """As write(), from memory."""
        return self.write(PyBytes_FromStringAndSize(<const char*>data, size))

    cdef Py_ssize_t write_after(self, const uchar* head, Py_ssize_t size, object data) except -1:
        """As write(), of `head` and behind it `data`, which is not copied."""
        cdef Py_ssize_t taken = self.write_memory(head, size)
        return taken if taken < size else size + self.write(data)

    cdef int hand_over(self, Writers writers, const uchar* data, Py_ssize_t size) except -1:
        """Have `writers.sender` write it in place of write_memory(), where it `hands_over`; settled() comes next."""
        raise NotImplementedError

    cdef Py_ssize_t settled(self, Py_ssize_t sent, Py_ssize_t size) except -1:
        """What came of it, bytes or -errno: what write_memory() would have returned."""
        raise NotImplementedError

    cpdef Py_ssize_t write(self, object data) except -1:
        """Give it bytes: how many it took. If less than all, `Receiver.writable` tells when to go on.

        A link that is broken takes all, and they are lost: `is_broken` says so at once, and reading tells it after what
        came before.
        """
        raise NotImplementedError

    cpdef str local_host(self):
        """The IP address of this end, by which the other side has reached it; "" where there is none."""
        return ""

    cpdef Py_ssize_t held(self) except -1:
        """Bytes that it took and the system did not take yet."""
        return 0

    cpdef double round_trip(self) except -1:
        """Seconds from what is sent to its confirmation, as the system has measured on the traffic; 0 where it has not."""
        return 0.0

    cpdef Py_ssize_t unconfirmed(self) except -1:
        """Bytes that the system took and the other side's did not confirm yet; 0 where it does not tell."""
        return 0

    cpdef long long confirmed(self, long long taken) except -1:
        """How many bytes the other side's system has confirmed, of a link that took `taken` in all."""
        return taken - self.held() - self.unconfirmed()

    cpdef bint is_clear(self) except -1:
        """Whether what is written now is sent at once, as far as the system tells: nothing waits in there, either.

        If not, the system takes little until that is so, and `Receiver.writable` tells when to ask again.
        """
        return not self.is_blocked

    cpdef bint lags(self) except -1:
        """Whether what is written now waits for what was written before, as far as the system tells; asking changes nothing."""
        return self.is_blocked or self.held() > 0

    cpdef pause(self):
        """Read no more until resume(): what arrives waits in the system, and then with its sender."""
        raise NotImplementedError

    cpdef resume(self):
        """Read again."""
        raise NotImplementedError

    cpdef half_close(self):
        """Tell the other side that nothing more is sent, behind what was; still receive."""
        raise NotImplementedError

    cpdef reset(self):
        """As drop(), but the other side is to find the connection broken, where this can say so: what is sent last may be lost."""
        self.drop()

    cpdef Link underlay(self, make):
        """Have `make(link)`, called with the lowest link, which touches the network, give what is to be in its place.

        What is to be in the place of this one.
        """
        return make(self)

    cpdef drop(self):
        """End the connection at once, in both directions. What the system took is still sent. `receiver` is told nothing."""
        raise NotImplementedError
