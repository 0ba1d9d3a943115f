# cython: language_level=3
"""Sockets past asyncio: one epoll holds them all, and asyncio's own selector or its files; one system call waits for all.

What is ready is handled in order until the time of the turn is up; what is left is first in the next one. So nobody waits for
ever behind others that are always ready. Linux has it, and Windows by wepoll. Elsewhere, IS_AVAILABLE is False and asyncio
watches everything.
"""

import logging
cimport cython
from libc.errno cimport errno
from libc.math cimport ceil

from .clock import monotonic

cdef extern from "epoll.h" nogil:
    bint HAS_EPOLL
    bint WATCHES_EPOLL

    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        unsigned int events
        epoll_data_t data
    enum: EPOLL_CLOEXEC
    enum: EPOLL_CTL_ADD
    enum: EPOLL_CTL_DEL
    enum: EPOLL_CTL_MOD
    enum: EPOLLIN
    enum: EPOLLOUT
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int most, int timeout)
    int close(int fd)

cdef enum:
    MOST_EVENTS = 4096
    # The clock is asked when this much was done, in about microseconds: see Watched.readable().
    WORK_PER_CLOCK = 64

_log = logging.getLogger("ws_python")

# There is one Hub, and it has one Epoll.
cdef epoll_event events[MOST_EVENTS]

IS_AVAILABLE = bool(HAS_EPOLL)
# Whether the selector of asyncio can be the further one.
WATCHES_SELECTORS = bool(WATCHES_EPOLL)
READING = EPOLLIN
WRITING = EPOLLOUT


cdef class Watched:
    """What has a file descriptor that Epoll watches. The descriptor is closed after `unwatch` only."""

    def __cinit__(self):
        self.fd = -1

    cpdef int readable(self) except -1:
        """There is something to read, or the end, or an error. Do a little; about how many microseconds that took."""
        raise NotImplementedError

    cpdef int writable(self) except -1:
        """There is room to write again; likewise. It goes on to be told until it asks for something else."""
        raise NotImplementedError

    cpdef failed(self, object error):
        """One of these two has raised, which is a fault of ours: end it, so that it is not told again."""
        raise NotImplementedError

    def watch_file(self, Epoll epoll not None, int fd, unsigned int mask):
        """From now on have `epoll` watch `fd` for READING, WRITING, or both."""
        self._epoll = epoll
        self.fd = fd
        self.watch(mask)

    def unwatch(self):
        """Have nobody watch any more."""
        if self.fd >= 0:
            self.watch(0)
            self.fd = -1
            self._epoll = None

    cdef int watch(self, unsigned int mask) except -1:
        """Watch for something else; 0 for nothing, not even errors."""
        if mask != self._mask and self._epoll is not None:
            self._epoll._change(self, mask)
            self._mask = mask
        return 0


@cython.final
cdef class Epoll:
    """Watches what is Watched, and one further file descriptor, that of the event loop's own selector; -1 for none."""

    def __cinit__(self, int also):
        cdef epoll_event event
        self._epoll = -1  # Not 0, which would be closed if what follows fails.
        self._watched = []
        self._also = also
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        if self._epoll < 0:
            raise OSError(errno, "epoll_create1")
        if also < 0:
            return
        event.events = EPOLLIN
        event.data.fd = also
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, also, &event) < 0:
            raise OSError(errno, "epoll_ctl")

    def __dealloc__(self):
        if self._epoll >= 0:
            close(self._epoll)

    def fileno(self):
        """The file descriptor that is readable when something of it is ready."""
        return self._epoll

    cdef int _change(self, Watched watched, unsigned int mask) except -1:
        cdef epoll_event event
        cdef int fd = watched.fd
        cdef int operation = EPOLL_CTL_MOD
        if mask == 0:
            self._watched[fd] = None
            epoll_ctl(self._epoll, EPOLL_CTL_DEL, fd, NULL)
            return 0
        if watched._mask == 0:
            operation = EPOLL_CTL_ADD
        event.events = mask
        event.data.fd = fd
        if epoll_ctl(self._epoll, operation, fd, &event) < 0:
            raise OSError(errno, "epoll_ctl")
        if fd >= len(self._watched):
            self._watched.extend([None] * (fd + 1 - len(self._watched)))
        self._watched[fd] = watched
        return 0

    cdef int collect(self, double seconds) except -1:
        """Ask what is ready, unless some is left that was; wait up to `seconds` for any. Whether the further one is."""
        cdef int i
        cdef int also_ready = False
        if self._next < self._count:
            return False
        self._next = 0
        if seconds > 0.0:
            with nogil:
                self._count = epoll_wait(self._epoll, events, MOST_EVENTS, <int>ceil(1e3 * seconds))
        else:
            self._count = epoll_wait(self._epoll, events, MOST_EVENTS, 0)
        for i in range(self._count):
            if events[i].data.fd == self._also:
                also_ready = True
        return also_ready

    cdef bint handle(self, double until) except -1:
        """Let those that are ready act. Whether any did; `has_rest()` tells whether there was no time for others."""
        cdef bint any_acted = False
        cdef int work = 0
        cdef int fd
        cdef unsigned int found
        cdef Watched watched
        while self._next < self._count:
            fd, found = events[self._next].data.fd, events[self._next].events
            self._next += 1
            watched = self._watched[fd] if fd != self._also else None
            if watched is None:  # It ceased to be watched since it was found.
                continue
            any_acted = True
            try:
                if found & EPOLLOUT and watched._mask & EPOLLOUT:
                    work += watched.writable()
                # Errors are found by reading, where anybody reads.
                if found & ~<unsigned int>EPOLLOUT and watched._mask & EPOLLIN:
                    work += watched.readable()
                elif found & ~<unsigned int>(EPOLLIN | EPOLLOUT) and watched._mask & EPOLLOUT:
                    work += watched.writable()
            except Exception as error:
                _log.exception("a connection could not be read or written, and is dropped")
                watched.failed(error)
            if work >= WORK_PER_CLOCK:
                work = 0
                if monotonic() >= until:
                    break
        return any_acted

    def has_rest(self):
        """Whether there was no time for some that were found."""
        return self._next < self._count
