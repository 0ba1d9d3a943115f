"""Plain TCP on Linux, the fast way: established connections are read and written here, with no asyncio in between.

asyncio keeps what is rare: connecting, accepting, TLS, what a slow receiver does not take, and the end of a connection.
One epoll holds all connections that are open, and asyncio watches that one. A connection whose transport is read here has
a transport that is paused; at its end, or on an error, it goes back (`remove`), and asyncio finds the end by itself.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EAGAIN, EINTR, errno

from .protocol.codec cimport Codec

cdef extern from "<sys/socket.h>" nogil:
    enum: MSG_DONTWAIT
    enum: MSG_MORE
    enum: MSG_NOSIGNAL
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    ssize_t c_send "send"(int fd, const void* data, size_t size, int flags)

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd

    struct epoll_event:
        unsigned int events
        epoll_data_t data

    enum: EPOLL_CLOEXEC
    enum: EPOLL_CTL_ADD
    enum: EPOLL_CTL_DEL
    enum: EPOLLIN
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int most, int timeout)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)

cdef enum:
    # Connections that one turn reads from, each once; the others are first in the next one.
    MOST_EVENTS = 4096

cdef epoll_event events[MOST_EVENTS]


@cython.final
cdef class Reader:
    """Reads the open connections of the process. `fileno` is readable when `read` has something to do."""

    cdef int _epoll
    cdef dict _connections

    def __cinit__(self):
        self._connections = {}
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        if self._epoll < 0:
            raise OSError(errno, "epoll_create1")

    def __dealloc__(self):
        if self._epoll >= 0:
            close(self._epoll)

    def fileno(self):
        """The file descriptor for the event loop to watch."""
        return self._epoll

    def is_ready(self):
        """Whether `read` has something to do."""
        return epoll_wait(self._epoll, events, 1, 0) > 0

    def add(self, int fd, connection):
        """From now on read `fd` for `connection`: into its codec, then `connection.received()`, or `.ended()` at the end."""
        cdef epoll_event event
        event.events = EPOLLIN
        event.data.fd = fd
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, fd, &event) < 0:
            raise OSError(errno, "epoll_ctl")
        self._connections[fd] = connection

    def remove(self, int fd):
        """Read `fd` no more. It need not be read now."""
        if self._connections.pop(fd, None) is not None:
            epoll_ctl(self._epoll, EPOLL_CTL_DEL, fd, NULL)

    def read(self):
        """Read once from every connection that has something."""
        cdef int count = epoll_wait(self._epoll, events, MOST_EVENTS, 0)
        cdef int i
        for i in range(count):
            connection = self._connections.get(events[i].data.fd)
            if connection is not None:
                self._read_one(events[i].data.fd, connection)

    cdef int _read_one(self, int fd, connection) except -1:
        cdef Codec codec = connection._codec
        cdef ssize_t size
        codec._lend()
        size = recv(fd, codec._target, codec._room, MSG_DONTWAIT)
        if size < 0 and (errno == EAGAIN or errno == EINTR):
            codec._received(0)
        elif size <= 0:
            codec._received(0)
            connection.ended()
        else:
            codec._received(size)
            connection.received()
        return 0


def send(int fd, data not None, bint more=False):
    """Hand bytes to the operating system: how many it took. 0 also for an error, which asyncio will find, too.

    `more`: further bytes follow at once, to leave together with these.
    """
    cdef Py_buffer view
    cdef ssize_t taken
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    # Neither this nor a read waits: too short to give the GIL away for.
    taken = c_send(fd, view.buf, view.len, MSG_DONTWAIT | MSG_NOSIGNAL | (MSG_MORE if more else 0))
    PyBuffer_Release(&view)
    return max(taken, 0)
