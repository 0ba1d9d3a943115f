# cython: language_level=3
"""Plain TCP on Linux, the fast way: established connections are read and written here, with no asyncio in between.

asyncio keeps what is rare: connecting, accepting, TLS, what a slow receiver does not take, and the end of a connection.
One epoll holds all connections that are open, and that of asyncio: one system call waits for all, and tells who has
something. A connection whose transport is read here has a transport that is paused; at its end, or on an error, it goes
back (`remove`), and asyncio finds the end by itself. Elsewhere than on Linux, IS_AVAILABLE is False.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EAGAIN, EINTR, errno
from libc.math cimport ceil
from libc.string cimport memset

from .protocol.buffers cimport uchar
from .protocol.codec cimport Codec
from .writers cimport Writer

cdef extern from "plain_tcp.h" nogil:
    bint IS_LINUX

    enum: MSG_DONTWAIT
    enum: MSG_NOSIGNAL
    struct iovec:
        void* iov_base
        size_t iov_len
    struct msghdr:
        iovec* msg_iov
        size_t msg_iovlen
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    ssize_t c_send "send"(int fd, const void* data, size_t size, int flags)
    ssize_t sendmsg(int fd, const msghdr* message, int flags)

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
    int close(int fd)

cdef enum:
    # Connections that one turn reads from, each once; the others are first in the next one.
    MOST_EVENTS = 4096
    # No read or write here waits. Hence none gives the GIL away, either.
    FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL

cdef epoll_event events[MOST_EVENTS]

IS_AVAILABLE = bool(IS_LINUX)

#: What Reader.read() found: something for streams, something for the one who is watched with them.
STREAMS = 1
OTHERS = 2


cdef class Stream(Writer):
    """A codec and, while Reader reads it, its socket."""

    def __init__(self):
        super().__init__()
        self._codec = None
        self._fd = -1

    cpdef received(self):
        """The codec was given what had arrived."""
        raise NotImplementedError

    cpdef ended(self):
        """The end of the stream, or an error, was found."""
        raise NotImplementedError

    cdef Py_ssize_t send_queued(self) except -1:
        """Hand what the codec has queued to the operating system: how many bytes it took. If all, the codec has none left."""
        cdef const uchar* data
        cdef Py_ssize_t size = self._codec.output(&data)
        cdef Py_ssize_t taken = c_send(self._fd, data, size, FLAGS) if size else 0
        if taken == size:
            self._codec.forget_output()
        return max(taken, 0)  # An error is found by asyncio, too.

    cpdef Py_ssize_t send_uncopied(self, object data) except -1:
        """As send_queued(), with `data` behind what is queued: how many bytes of both were taken. The codec keeps its part."""
        cdef Py_buffer view
        cdef ssize_t taken
        cdef const uchar* head
        cdef iovec parts[2]
        cdef msghdr message
        memset(&message, 0, sizeof(message))
        parts[0].iov_len = self._codec.output(&head)
        parts[0].iov_base = <void*>head
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        parts[1].iov_base, parts[1].iov_len = view.buf, view.len
        message.msg_iov, message.msg_iovlen = parts, 2
        taken = sendmsg(self._fd, &message, FLAGS)
        PyBuffer_Release(&view)
        return max(taken, 0)


@cython.final
cdef class Reader:
    """Reads streams, and watches one further file descriptor: that of the event loop's own selector."""

    def __cinit__(self, int also):
        self._epoll = -1  # Not 0, which would be closed if what follows fails.
        self._streams = []
        self._also = also
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        if self._epoll < 0:
            raise OSError(errno, "epoll_create1")
        self._watch(also)

    def __dealloc__(self):
        if self._epoll >= 0:
            close(self._epoll)

    cdef int _watch(self, int fd) except -1:
        cdef epoll_event event
        event.events = EPOLLIN
        event.data.fd = fd
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, fd, &event) < 0:
            raise OSError(errno, "epoll_ctl")
        return 0

    def add(self, Stream stream not None):
        """From now on read its socket into its codec; then `received()` is called, or at the end `ended()`."""
        cdef int fd = stream._fd
        self._watch(fd)
        if fd >= len(self._streams):
            self._streams.extend([None] * (fd + 1 - len(self._streams)))
        self._streams[fd] = stream

    def remove(self, int fd):
        """Read `fd` no more. It need not be read now."""
        if fd < len(self._streams) and self._streams[fd] is not None:
            self._streams[fd] = None
            epoll_ctl(self._epoll, EPOLL_CTL_DEL, fd, NULL)

    cpdef int read(self, double seconds=0.0) except -1:
        """Read once from every stream that has something: STREAMS, OTHERS, both, or 0. Waits up to `seconds` for any."""
        cdef int count = 0
        cdef int found = 0
        cdef int i, fd
        cdef Stream stream
        if seconds > 0.0:
            with nogil:
                count = epoll_wait(self._epoll, events, MOST_EVENTS, <int>ceil(1e3 * seconds))
        else:
            count = epoll_wait(self._epoll, events, MOST_EVENTS, 0)
        for i in range(count):
            fd = events[i].data.fd
            if fd == self._also:
                found |= OTHERS
                continue
            found |= STREAMS
            stream = self._streams[fd]
            if stream is not None:  # It was removed by what one before it brought.
                self._read_one(stream)
        return found

    cdef int _read_one(self, Stream stream) except -1:
        cdef Codec codec = stream._codec
        cdef ssize_t size
        codec._lend()
        size = recv(stream._fd, codec._target, codec._room, MSG_DONTWAIT)
        if size < 0 and (errno == EAGAIN or errno == EINTR):
            codec._received(0)
        elif size <= 0:
            codec._received(0)
            stream.ended()
        else:
            codec._received(size)
            stream.received()
        return 0


def send(int fd, data not None):
    """Hand bytes to the operating system: how many it took. 0 also for an error, which asyncio will find, too."""
    cdef Py_buffer view
    cdef ssize_t taken
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    taken = c_send(fd, view.buf, view.len, FLAGS)
    PyBuffer_Release(&view)
    return max(taken, 0)
