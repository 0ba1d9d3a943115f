# The C view of simulated_link.pyx.

from ws_python.net.link cimport Link, Receiver, uchar
from ws_python.net.over cimport OverLink


# What a WebSocketSimulation says; all 0 where there is none.
cdef struct Values:
    double latency
    double jitter
    double bandwidth
    double stall_interval
    double stall_time
    double cut_interval
    double cut_bytes


cdef class Chunk:
    # None: there is nothing more, the end.
    cdef bytes _data
    cdef Py_ssize_t _used
    # When it was put in, on the clock of the network, and its share of the jitter.
    cdef double _at
    cdef double _chance


cdef class Pipe:
    cdef object _chunks
    # Draws the share of the jitter of each chunk; the mean is 1 of what `cut` is in units of.
    cdef object _chance
    cdef double _cut
    #: Bytes that are on their way.
    cdef readonly Py_ssize_t size
    # Bytes that came through since there is a simulation; and when the last of them was through the narrowest place.
    cdef long long _carried
    cdef double _free_at

    cdef int put(self, bytes data, double at) except -1
    cdef double _begin(self, Chunk chunk) except? -1.0
    cdef Py_ssize_t due(self, double now, const Values* values) except -2
    cdef double wait(self, double now, const Values* values) except? -1.0
    cdef double sent_at(self, const Values* values) except? -1.0
    cdef int take(self, Py_ssize_t size, const Values* values) except -1
    cdef double until_cut(self, const Values* values) noexcept
    cdef bint has_room(self, Py_ssize_t limit) except -1


cdef class SimulatedLink(OverLink):
    cdef object __weakref__
    cdef Pipe _out
    cdef Pipe _in
    # The simulations of all connections of a node, and of this one alone; the one that counts, and what it says.
    cdef object _for_all
    cdef object _for_one
    cdef object _simulation
    cdef object _draws
    cdef Values _values
    # When that began to count; when the last stall ended, and how long it is until the next, in units of the mean.
    cdef double _since
    cdef double _calm_since
    cdef double _calm
    # The clock of the network stands still in stalls: how long it stood in all, since when it stands (-1: it goes), and for
    # how long it still does.
    cdef double _stood
    cdef double _stands_since
    cdef double _stands_for
    # What it waits for, and when that is; when it gives up what was dropped.
    cdef object _timer
    cdef double _timer_at
    cdef object _give_up
    cdef bint _is_paused
    cdef bint _is_below_paused
    # Whether is_clear() was asked in vain: of the pipe, of the link below.
    cdef bint _awaits_clear
    cdef bint _awaits_below
    cdef bint _is_closing
    cdef bint _is_dropped
    cdef bint _is_acting
    cdef bint _acts_again

    cdef int _follow(self) except -1
    cdef double _clock(self, double now) except? -1.0
    cdef int _act(self) except -1
    cdef int _act_once(self) except -1
    cdef int _receive(self, double now) except -1
    cdef Py_ssize_t _give(self, Py_ssize_t most) except -1
    cdef int _send(self, double now) except -1
    cdef int _send_now(self) except -1
    cdef Py_ssize_t _hand_on(self, Py_ssize_t most) except -1
    cdef int _settle(self, double now) except -1
    cdef bint _is_sent(self, double now) except -1
    cdef bint _is_cut(self) noexcept
    cdef Py_ssize_t _limit(self) noexcept
    cdef double _cut_at(self) except? -1.0
    cdef int _cut(self) except -1
    cdef int _cut_by_time(self) except -1
    cdef int _break(self) except -1
    cdef int _tell_end(self) except -1
    cdef int _set_timer(self) except -1
    cdef int _stop_timer(self) except -1
