# The C view of deadlines.pyx: a turn in which none passes compares two numbers.

cimport cython


cdef class Deadline:
    cdef readonly double when
    cdef object _callback
    # The number of the poll before which it does not pass.
    cdef unsigned long long _not_before
    cdef Deadlines _deadlines

    cpdef cancel(self)


@cython.final
cdef class Deadlines:
    cdef list _heap  # of (when, number, Deadline)
    cdef unsigned long long _number
    cdef Py_ssize_t _cancelled
    # Seconds that passed between the two polls before.
    cdef double _usual
    #: Seconds that were polled since the start. Time in which nobody polled is not in it, but for a moment.
    cdef readonly double now
    #: When the first one passes; infinite where there is none.
    cdef readonly double next_due

    #: Told before one is added, and when the first one comes sooner: what sees to it that time is polled. None: a program.
    cdef public object driver

    #: How many polls there were, and ends of frames in their place.
    cdef public unsigned long long polls

    cdef Deadline _add(self, double seconds, object callback, unsigned long long not_before)
    cdef int _push(self, Deadline deadline) except -1
    cdef int advance(self, double seconds) except -1
    cdef bint pass_due(self, double until) except -1
    cdef int _settle(self) except -1
