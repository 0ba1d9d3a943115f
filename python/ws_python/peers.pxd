# The C view of peers.pyx: from a peer's id to its outbox is one look-up.

from ws_python.protocol.buffers cimport uchar
from ws_python.protocol.prepared cimport PreparedMessage


cdef class Peers:
    #: The peers by their ids.
    cdef readonly dict by_id
    cdef dict _outboxes
    # Those whom only what is sent to them alone reaches.
    cdef set _apart

    cdef bint queue(self, object peer_id, int opcode, const uchar* data, Py_ssize_t size) except -1
    cpdef list send_prepared(self, PreparedMessage message, object left_out)
    cpdef list send_latest(self, object key, PreparedMessage message, object left_out)
