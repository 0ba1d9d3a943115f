# The C view of sender.pyx.

from cpython.pythread cimport PyThread_type_lock

#: Sends from memory without waiting: how many bytes, or the negative errno.
ctypedef Py_ssize_t (*Send)(int fd, const unsigned char* data, Py_ssize_t size) noexcept nogil


ctypedef struct Job:
    Send send
    int fd
    const unsigned char* data
    Py_ssize_t size
    Py_ssize_t sent


cdef class Sender:
    # Those that are collected, and how many; the thread knows of them from start() on.
    cdef Job* _jobs
    cdef Py_ssize_t _room
    cdef Py_ssize_t _count
    # What the lock guards. The next job to be done, and the end of those that may be.
    cdef PyThread_type_lock _lock
    cdef Py_ssize_t _next
    cdef Py_ssize_t _end
    # The thread has a job in its hands; and finish() waits at `_done` for that one.
    cdef bint _is_busy
    cdef bint _is_awaited
    # The thread waits, or is about to, at `_wake`.
    cdef bint _sleeps
    cdef bint _is_over
    cdef PyThread_type_lock _wake
    cdef PyThread_type_lock _done
    cdef object _thread

    cdef int reserve(self, Py_ssize_t count) except -1
    cdef void add(self, Send send, int fd, const unsigned char* data, Py_ssize_t size) noexcept
    cdef int start(self) except -1
    cdef int finish(self) except -1
    cdef Py_ssize_t sent(self, Py_ssize_t number) noexcept
    cdef void _wake_and_unlock(self) noexcept
    cdef void _work(self) noexcept nogil
    cdef bint _do_next(self, bint is_thread) noexcept nogil
