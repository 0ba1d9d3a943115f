# cython: language_level=3
"""A thread that sends: what is handed over at the end of a frame leaves while the game goes on.

It knows sockets and memory only, and needs no GIL. Until finish() nobody else may write to these sockets or close them, and
the memory has to stay as it is. Who calls that does what the thread has not come to; so it takes no longer than sending all
would have, also where the thread is given no time.
"""

import os
from threading import Thread

from cpython.pythread cimport PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock, PyThread_release_lock
from cpython.pythread cimport WAIT_LOCK
from libc.stdlib cimport free, realloc


def has_processor():
    """Whether there is a processor for the thread beside that of the main one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1


cdef class Sender:
    """Jobs are collected by add(), begun by start() and ended by finish(), all by one thread; sent() tells what came of each."""

    def __cinit__(self):
        self._lock = PyThread_allocate_lock()
        self._wake = PyThread_allocate_lock()
        self._done = PyThread_allocate_lock()
        if self._lock == NULL or self._wake == NULL or self._done == NULL:
            raise MemoryError
        # They are locked but for the moment in which somebody who waits for them goes on.
        PyThread_acquire_lock(self._wake, WAIT_LOCK)
        PyThread_acquire_lock(self._done, WAIT_LOCK)

    def __dealloc__(self):
        if self._lock != NULL:
            PyThread_free_lock(self._lock)
        if self._wake != NULL:
            PyThread_free_lock(self._wake)
        if self._done != NULL:
            PyThread_free_lock(self._done)
        free(self._jobs)

    cdef int reserve(self, Py_ssize_t count) except -1:
        """Have room for so many jobs. Nothing is under way."""
        cdef void* memory
        if count > self._room:
            memory = realloc(self._jobs, count * sizeof(Job))
            if memory == NULL:
                raise MemoryError
            self._jobs = <Job*>memory
            self._room = count
        return 0

    cdef void add(self, Send send, int fd, const unsigned char* data, Py_ssize_t size) noexcept:
        """Have a job done, for which there is room."""
        self._jobs[self._count] = Job(send=send, fd=fd, data=data, size=size, sent=0)
        self._count += 1

    cdef int start(self) except -1:
        """Have the thread begin with what was collected."""
        if self._thread is None:
            self._is_over = False
            thread = Thread(target=self._run, name="ws_python sender", daemon=True)
            thread.start()
            self._thread = thread
        PyThread_acquire_lock(self._lock, WAIT_LOCK)
        self._end = self._count
        self._wake_and_unlock()
        return 0

    cdef int finish(self) except -1:
        """Have all be done that was collected."""
        cdef bint must_wait
        PyThread_acquire_lock(self._lock, WAIT_LOCK)
        self._end = self._count  # Also where it was not begun.
        PyThread_release_lock(self._lock)
        while self._do_next(False):
            pass
        PyThread_acquire_lock(self._lock, WAIT_LOCK)
        must_wait = self._is_awaited = self._is_busy
        self._next = self._end = 0
        PyThread_release_lock(self._lock)
        if must_wait:
            PyThread_acquire_lock(self._done, WAIT_LOCK)
        self._count = 0
        return 0

    cdef Py_ssize_t sent(self, Py_ssize_t number) noexcept:
        """What came of a job, by its number in order: bytes, or the negative errno. After finish(), until the next add()."""
        return self._jobs[number].sent

    def stop(self):
        """End the thread; start() begins another one."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self.finish()
        PyThread_acquire_lock(self._lock, WAIT_LOCK)
        self._is_over = True
        self._wake_and_unlock()
        thread.join()

    cdef void _wake_and_unlock(self) noexcept:
        """There is something new for the thread."""
        if self._sleeps:
            self._sleeps = False
            PyThread_release_lock(self._wake)
        PyThread_release_lock(self._lock)

    @property
    def is_running(self):
        """Whether there is a thread."""
        return self._thread is not None

    # --- the thread

    def _run(self):
        with nogil:
            self._work()

    cdef void _work(self) noexcept nogil:
        cdef bint is_over = False
        while not is_over:
            if self._do_next(True):
                continue
            PyThread_acquire_lock(self._lock, WAIT_LOCK)
            is_over = self._is_over
            self._sleeps = not is_over and self._next == self._end
            is_idle = self._sleeps
            PyThread_release_lock(self._lock)
            if is_idle:
                PyThread_acquire_lock(self._wake, WAIT_LOCK)

    cdef bint _do_next(self, bint is_thread) noexcept nogil:
        """Do a job that nobody has begun. False: there is none."""
        cdef Job* job
        PyThread_acquire_lock(self._lock, WAIT_LOCK)
        if self._next == self._end:
            PyThread_release_lock(self._lock)
            return False
        job = &self._jobs[self._next]
        self._next += 1
        if is_thread:
            self._is_busy = True
        PyThread_release_lock(self._lock)
        job.sent = job.send(job.fd, job.data, job.size)
        if is_thread:
            PyThread_acquire_lock(self._lock, WAIT_LOCK)
            self._is_busy = False
            if self._is_awaited:
                self._is_awaited = False
                PyThread_release_lock(self._done)
            PyThread_release_lock(self._lock)
        return True
