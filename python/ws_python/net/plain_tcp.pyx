# cython: language_level=3
"""Plain TCP where there is an epoll: a connected socket as a Link, with no asyncio in between."""

import socket

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EAGAIN, EINTR, errno
from libc.string cimport memset

from ws_python.loop.epoll cimport Epoll
from ws_python.loop.writers cimport Writers
from .link cimport Receiver, uchar

from ws_python.loop.epoll import READING, WRITING

from .asyncio_link import address_of
from .no_delay import send_at_once
from .reset import reset_at_close

cdef extern from "plain_tcp.h" nogil:
    enum: MSG_DONTWAIT
    enum: MSG_NOSIGNAL
    struct iovec:
        void* iov_base
        size_t iov_len
    struct msghdr:
        iovec* msg_iov
        size_t msg_iovlen
    ssize_t recv(int fd, void* buffer, size_t size, int flags)
    ssize_t send(int fd, const void* data, size_t size, int flags)
    ssize_t sendmsg(int fd, const msghdr* message, int flags)
    int unconfirmed_bytes(int fd)
    int unsent_bytes(int fd)
    int set_unsent_room(int fd, int size)
    int round_trip_time(int fd)

cdef enum:
    # No read or write here waits. Hence none gives the GIL away, either.
    FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL
    # About how many microseconds a read takes, without what its bytes take, and how many bytes take another one.
    READ_WORK = 2
    BYTES_OF_WORK = 1024

cdef unsigned int _READING = READING
cdef unsigned int _WRITING = WRITING


cdef Py_ssize_t send_now(int fd, const uchar* data, Py_ssize_t size) noexcept nogil:
    """How many bytes were taken, or the negative errno."""
    cdef ssize_t sent = send(fd, data, size, FLAGS)
    return sent if sent >= 0 else -errno


@cython.final
cdef class PlainLink(Link):
    """Owns `connected`, which does not block, and has `epoll` watch it."""

    def __init__(self, connected, Epoll epoll not None):
        self._socket = connected
        self.hands_over = True
        send_at_once(connected)
        self.watch_file(epoll, connected.fileno(), _READING)

    def __dealloc__(self):
        if self._socket is not None:
            self._socket.close()

    # --- epoll calls these

    cpdef int readable(self) except -1:
        cdef Receiver receiver = self.receiver
        cdef Py_ssize_t size
        if receiver is None:
            self.pause()  # Until somebody receives.
            return READ_WORK
        receiver.lend()
        size = recv(self.fd, receiver.target, receiver.room, FLAGS)
        if size > 0:
            return READ_WORK + <int>(size // BYTES_OF_WORK) + receiver.received(size)
        if size < 0 and (errno == EAGAIN or errno == EINTR):
            receiver.received(0)
            return READ_WORK
        receiver.received(0)
        self._end()
        return READ_WORK

    cpdef int writable(self) except -1:
        self.is_blocked = False
        if self._awaits_clear:
            self._awaits_clear = False
            set_unsent_room(self.fd, 0)
        self.watch(self._mask & ~_WRITING)
        if self.receiver is not None:
            self.receiver.writable()
        return READ_WORK

    cpdef failed(self, object error):
        self._end()

    cdef int _end(self) except -1:
        """There is nothing more to be read, or the connection broke."""
        if self.is_ended:
            return 0
        self.is_ended = True
        self.watch(self._mask & ~_READING)
        if self.receiver is not None:
            self.receiver.ended()
        return 0

    # --- out

    cdef Py_ssize_t write_memory(self, const uchar* data, Py_ssize_t size) except -1:
        self._settle()
        return self._taken(send_now(self.fd, data, size), size)

    cdef Py_ssize_t write_after(self, const uchar* head, Py_ssize_t size, object data) except -1:
        cdef Py_buffer view
        cdef ssize_t sent
        cdef iovec parts[2]
        cdef msghdr message
        self._settle()
        memset(&message, 0, sizeof(message))
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        parts[0].iov_base, parts[0].iov_len = <void*>head, size
        parts[1].iov_base, parts[1].iov_len = view.buf, view.len
        message.msg_iov, message.msg_iovlen = parts, 2
        sent = sendmsg(self.fd, &message, FLAGS)
        if sent < 0:
            sent = -errno
        size += view.len
        PyBuffer_Release(&view)
        return self._taken(sent, size)

    cpdef Py_ssize_t write(self, object data) except -1:
        cdef Py_buffer view
        cdef Py_ssize_t taken
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            taken = self.write_memory(<const uchar*>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)
        return taken

    cdef int hand_over(self, Writers writers, const uchar* data, Py_ssize_t size) except -1:
        writers.sender.add(send_now, self.fd, data, size)
        self._in_use_by = writers
        return 0

    cdef Py_ssize_t settled(self, Py_ssize_t sent, Py_ssize_t size) except -1:
        self._in_use_by = None
        return self._taken(sent, size)

    cdef int _settle(self) except -1:
        """Before the socket is used here: what was handed over is sent first."""
        if self._in_use_by is not None:
            self._in_use_by.settle()
        return 0

    cdef Py_ssize_t _taken(self, Py_ssize_t sent, Py_ssize_t size) except -1:
        """`sent` is the negative errno where nothing was."""
        if sent < 0 and sent != -EAGAIN and sent != -EINTR:
            self.is_broken = True
            return size
        if sent < size:
            self.is_blocked = True
            self.watch(self._mask | _WRITING)
        return max(sent, 0)

    cpdef double round_trip(self) except -1:
        return round_trip_time(self.fd) / 1e6

    cpdef Py_ssize_t unconfirmed(self) except -1:
        return max(unconfirmed_bytes(self.fd), 0)  # -1: it broke; reading tells.

    cpdef bint is_clear(self) except -1:
        if self.is_blocked:
            return False
        if self.is_ended or unsent_bytes(self.fd) <= 0 or set_unsent_room(self.fd, 1) < 0:
            return True
        self._awaits_clear = True
        self.watch(self._mask | _WRITING)
        return False

    cpdef bint lags(self) except -1:
        return self.is_blocked or unsent_bytes(self.fd) > 0

    cpdef str local_host(self):
        try:
            return address_of(self._socket.getsockname())[0] if self._socket is not None else ""
        except OSError:
            return ""  # It broke; reading tells.

    # --- control

    cpdef pause(self):
        self._is_paused = True
        self.watch(self._mask & ~_READING)

    cpdef resume(self):
        self._is_paused = False
        if not self.is_ended:
            self.watch(self._mask | _READING)

    cpdef half_close(self):
        self._settle()
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It broke; reading tells.

    cpdef reset(self):
        self._settle()
        if self._socket is not None:
            reset_at_close(self._socket)
        self.drop()

    cpdef drop(self):
        self._settle()
        self.receiver = None
        self.is_ended = True
        self.unwatch()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
