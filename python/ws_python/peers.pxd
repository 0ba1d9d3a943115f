# The C view of peers.py, and what a host that is compiled, too, sends with.

cimport cython
from libc.stdint cimport int64_t

from .inbox cimport Intake
from .protocol.buffers cimport uchar
from .protocol.prepared cimport PreparedMessage


@cython.final
cdef class Peers:
    #: The peers by their ids.
    cdef readonly dict by_id
    cdef dict _connections

    cpdef add(self, object peer_id, object peer, Intake connection)
    cpdef remove(self, object peer_id)
    @cython.locals(connection=Intake)
    cdef bint queue(self, int64_t peer_id, int opcode, const uchar* data, Py_ssize_t size) except -1
    @cython.locals(connection=Intake)
    cpdef list send_prepared(self, PreparedMessage message, object left_out)
