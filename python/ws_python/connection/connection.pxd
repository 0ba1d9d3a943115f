# The C view of connection.pyx: from a connection to its parts is one pointer.

from ws_python.connection.intake cimport Intake
from ws_python.connection.meter cimport Meter
from ws_python.connection.outbox cimport Outbox
from ws_python.net.link cimport Link, Receiver
from ws_python.protocol.codec cimport Codec


cdef class Connection(Receiver):
    #: The parts. `link` is None until the TCP connection is there and when it is gone, `codec` until the connection is open.
    cdef readonly Link link
    cdef readonly Codec codec
    cdef readonly Outbox outbox
    cdef readonly Intake intake
    cdef readonly Meter meter

    #: See phase.py.
    cdef readonly object phase
    cdef readonly object handshake
    cdef readonly bint is_server
    cdef public str host
    cdef readonly int port
    #: As WebSocketPeer.get_close_code() and get_close_reason() tell them.
    cdef public int close_code
    cdef public str close_reason
    #: A client's task that makes the TCP connection.
    cdef public object connecting
    #: Called with this connection, once, when its TCP connection is gone; None for nobody.
    cdef public object when_gone

    cdef object _keeper
    # A server's features were asked about the request.
    cdef bint _is_asked
    cdef double _close_timeout
    cdef str _timed_out
    cdef object _deadline
    cdef dict _complaints
