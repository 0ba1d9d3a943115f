# The C view of hub.pyx: a frame in which nothing happens takes few attribute look-ups.

cimport cython

from .deadlines cimport Deadlines
from .epoll cimport Epoll
from .host cimport Host
from .writers cimport Writers


cdef class Consumer:
    #: Seconds that one poll spends on reading and delivering at the most.
    cdef public double poll_time

    cpdef bint is_empty(self) except -1
    cpdef deliver(self, double until)


@cython.final
cdef class Hub:
    cdef readonly Writers writers
    cdef readonly Deadlines deadlines
    #: Watches sockets past the loop; None unless `uses_epoll`.
    cdef readonly Epoll epoll
    #: What works in a loop of the program's own, where nobody has to poll; None where somebody polls.
    cdef readonly object drive
    #: When this turn began, by monotonic(), after its wait.
    cdef readonly double now
    #: How many connections are on their way to open.
    cdef public int opening
    #: Something that came is still to be handed out, for which a poll had no time: the next frame does not wait for more.
    cdef public bint is_behind
    #: Whether sockets are watched past the loop; False where the system has no epoll.
    cdef public bint uses_epoll
    #: Whether the epoll watches the files of asyncio one by one, as where it cannot watch a selector.
    cdef public bint shares_epoll

    cdef Host _host
    cdef object _loop
    cdef object _ready  # the loop's callbacks that are to be called at once, and its timers
    cdef list _timers
    cdef long _thread
    cdef long long _last_frame
    cdef unsigned long long _turns
    cdef unsigned long long _turns_at_frame_end
    cdef bint _waits_for_frame_end
    # How many ends of frames still look whether anybody polls, for the sake of call_soon().
    cdef int _frames_of_calls
    cdef bint _is_closing
    cdef set _tasks
    cdef dict _closers
    cdef set _lingering

    cdef bint is_foreign(self) noexcept nogil
    cpdef int turn(self, double wait, double seconds) except -1
    cpdef poll(self, Consumer consumer, long long frame=*)


cdef Hub hub
