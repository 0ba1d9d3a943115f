# cython: language_level=3
"""The connected peers of a server, by their ids: what is sent to one or to many of them finds its outboxes here."""

from ws_python.connection.outbox cimport Outbox

from .declare.errors import Error

cdef object _OK = Error.OK


cdef class Peers:
    """Peers and their outboxes. A peer's id is the server's matter.

    Compressing for one lets another thread run, which may free a peer: who goes through all goes through a copy.
    """

    def __init__(self):
        self.by_id = {}
        self._outboxes = {}
        self._apart = set()

    def add(self, peer_id, peer, Outbox outbox not None):
        """From now on `peer_id` is the id of this peer."""
        self.by_id[peer_id] = peer
        if peer_id not in self._apart:
            self._outboxes[peer_id] = outbox

    def set_apart(self, peer_id):
        """What is sent to everybody is not for this peer."""
        self._apart.add(peer_id)
        self._outboxes.pop(peer_id, None)

    def remove(self, peer_id):
        """The id is nobody's any more. One that is unknown is ignored."""
        self.by_id.pop(peer_id, None)
        self._outboxes.pop(peer_id, None)
        self._apart.discard(peer_id)

    cdef bint queue(self, object peer_id, int opcode, const uchar* data, Py_ssize_t size) except -1:
        """Queue a message from memory, text as UTF-8. False: nothing was done, use send()."""
        cdef Outbox outbox = self._outboxes.get(peer_id)
        return outbox is not None and outbox.queue(opcode, data, size)

    cpdef list send_prepared(self, PreparedMessage message, object left_out):
        """Queue a message for everybody but `left_out`: the ids and errors of those for whom it cannot be."""
        cdef list failed = []
        cdef Outbox outbox
        for peer_id, outbox in list(self._outboxes.items()):
            if peer_id != left_out:
                error = outbox.send_prepared(message)
                if error is not _OK:
                    failed.append((peer_id, error))
        return failed

    cpdef list send_latest(self, object key, PreparedMessage message, object left_out):
        """As send_prepared(), of a message that takes the place of those of the same key that wait."""
        cdef list failed = []
        cdef Outbox outbox
        for peer_id, outbox in list(self._outboxes.items()):
            if peer_id != left_out:
                error = outbox.send_latest(key, message)
                if error is not _OK:
                    failed.append((peer_id, error))
        return failed
