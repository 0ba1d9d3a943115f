# The C view of inbox.pyx: what arrived takes no attribute look-up on its way to the user.

from ws_python.connection.intake cimport Intake, Waiting
from ws_python.loop.hub cimport Consumer


cdef class Sink:
    cpdef message(self, Intake source, object message)
    cpdef settle(self)


cdef class PeerSink(Sink):
    cdef Intake _owing
    cdef object _owed
    cdef public object announce

    cpdef tell_server(self, Intake source, object message)
    cpdef tell_peer(self, Intake source, object message)


cdef class Inbox(Consumer):
    cdef readonly Waiting waiting
    #: Whom messages are told.
    cdef public Sink sink
    #: Nothing is handed out as long as it is set: what is at hand is still being decided on.
    cdef public bint is_held
    cdef object _listener
    cdef int _nested
    # The intake that is being asked, and how many more of its events are handed out before others have their turn.
    cdef Intake _current
    cdef int _left

    cdef _deliver(self, double until)
    cdef int _put_back(self) except -1
    cdef Intake _turn_to_next(self)
