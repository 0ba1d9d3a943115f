# The C view of intake.pyx: what was read takes no attribute look-up on its way from the codec to the inbox.

from ws_python.connection.meter cimport Meter
from ws_python.connection.outbox cimport Outbox
from ws_python.net.link cimport Link, Receiver
from ws_python.protocol.codec cimport Codec
from ws_python.protocol.session cimport Layer


cdef class Waiting:
    #: The intakes that have something to hand out and still their share of this round, the next one first: a deque.
    cdef readonly object intakes
    #: Those that have had it, likewise.
    cdef readonly object behind
    #: The number of the round, and how many of `behind` have their turn in it until the next one begins.
    cdef long long round
    cdef Py_ssize_t turns
    #: Bytes of memory that unfinished messages hold, of all intakes, and how many may be held before one is `overdrawn`.
    cdef readonly Py_ssize_t unfinished
    cdef public Py_ssize_t max_unfinished


cdef class Intake(Receiver):
    #: The connection: its `input_changed()` is called when the codec has closed, its `input_ended()` at the link's end, and
    #: its `overdrawn()` when there is more than was allowed.
    cdef readonly object owner
    #: The server's peer for this connection, from when it is announced until it is taken back; and its id.
    cdef public object peer
    cdef public object peer_id
    #: Whatever the sink wants to find again when the next message comes from here.
    cdef public object sink_state
    #: The parts beside it; None until they are there.
    cdef public Codec codec
    #: protocol/session.py: what tells messages of the session layer from those of the user; None without it.
    cdef public Layer layer
    cdef public Link link
    cdef Outbox _outbox
    cdef Meter _meter

    # Where it waits to be asked; None when nobody is interested any more.
    cdef Waiting waiting
    # It stands there, or is the one that is being asked.
    cdef bint is_waiting
    # How many events it may still hand out in that round before it has to wait behind the others.
    cdef long long round
    cdef int share
    # What waits to be handed out, from `next` on, and the memory that all of it takes in bytes.
    cdef list events
    cdef Py_ssize_t next
    cdef readonly Py_ssize_t size
    cdef Py_ssize_t _most
    #: Reading pauses until everything is handed out.
    cdef readonly bint is_full
    #: Reading pauses until `unthrottle`, and what is held back is not parsed.
    cdef readonly bint is_throttled
    #: What waits is not handed out until `unpark`.
    cdef bint is_parked
    #: When the unfinished message of the codec, if there is one, was seen first, on the clock of deadlines.
    cdef readonly double unfinished_since
    cdef Py_ssize_t _unfinished
    cdef Py_ssize_t _messages_begun

    cpdef put(self, list events, Py_ssize_t size)
    cpdef park(self)
    cpdef unpark(self)
    cdef int _pass_through_layer(self, list events, Py_ssize_t size) except -1
    cdef int _wait(self) except -1
    cdef int pass_on(self) except -1
    cdef int _account(self, Codec codec) except -1
    cdef int _check_allowance(self, Meter meter) except -1
    cdef bint refill(self) except -1
