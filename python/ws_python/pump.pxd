# The C view of pump.py: a frame in which nothing happens takes few attribute look-ups.

cimport cython

from .inbox cimport Inbox
from .plain_tcp cimport Reader
from .writers cimport Writers


cdef class _State:
    cdef public object loop
    cdef public Reader reader
    cdef public object soon
    cdef public list timers
    cdef public object next_timer
    cdef public double next_timer_due
    cdef public long long last_frame
    cdef public unsigned long thread
    cdef public double frame_wait
    cdef public set tasks
    cdef public dict at_close


cdef int _STREAMS, _OTHERS
cdef double _TURNING_TIME


@cython.locals(state=_State, found=int, until_timer=double)
cpdef int turn(double wait=*) except -1
cdef double _next_timer(_State state) except? -1.0
@cython.locals(state=_State, first_in_frame=bint, found=int, wait=double, waiting=Writers, end=double)
cpdef poll(Inbox inbox, long long frame=*)
