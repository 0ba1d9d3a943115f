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

    #: protocol/session.py: the session layer over this connection, None where it was not agreed on.
    cdef readonly object layer

    #: See phase.py.
    cdef readonly object phase
    cdef readonly object handshake
    cdef readonly bint is_server
    #: Who is at the other end: as the socket tells, and then as a trusted proxy does (features/trusted_proxies.py).
    cdef public str host
    cdef public int port
    #: As WebSocketPeer.get_close_code() and get_close_reason() tell them.
    cdef public int close_code
    cdef public str close_reason
    #: What its server shows of the request, see request.py; None as long as nobody has asked for it.
    cdef public object request
    #: What a feature of its server has answered the request with, to answer it later (features/feature.py); None: nothing.
    cdef public object later
    #: What makes the link: a client's task, or a server's preamble (net/listener.py). Cancelled where nobody waits for it.
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
    # The cause of which the next complaint is told again; and when one was told.
    cdef str _complains_again_of
    cdef double _complained_at
