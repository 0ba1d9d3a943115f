# cython: language_level=3
"""The short way between the engine and a connection, of frames and of messages: no more Python than is needed.

Frames: the nodes poll from here. In: `message_received` is emitted from here. Out: `send` of a node takes a message from
the engine's own memory into the codec, where nothing is out of the ordinary; in all other cases, errors among them, the
method itself is called.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t

from pythonscript.godot import Node

from pythonscript._bridge cimport BoundSignal, Object, int_of, packed_bytes_of, string_chars_of
from pythonscript._bridge cimport notification_shortcut_capsule, physics_frames, process_frames, shortcut_capsule
from ws_python.connection.connection cimport Connection
from ws_python.connection.inbox cimport Inbox, PeerSink, Sink
from ws_python.connection.intake cimport Intake
from ws_python.loop.hub cimport Hub
from ws_python.peers cimport Peers
from ws_python.protocol.wire cimport BINARY, TEXT

from ws_python.loop.hub import hub as _hub

cdef Hub hub = _hub

cdef enum:
    OK = 0  # Of the enum Error.
    # Characters of a text that is converted here; a longer one has the time for a detour.
    LONGEST_TEXT = 1024
    MOST_UTF8_BYTES = 4

ctypedef uint8_t[LONGEST_TEXT * MOST_UTF8_BYTES] Utf8


cdef Py_ssize_t utf8_of(const uint32_t* chars, int64_t size, uint8_t* start) noexcept:
    """Write UTF-8 (RFC 3629 section 3) to `start`: how many bytes; -1 for what is no character."""
    cdef uint8_t* target = start
    cdef uint32_t char
    cdef int64_t i
    for i in range(size):
        char = chars[i]
        if char < 0x80:
            target[0] = <uint8_t>char
            target += 1
        elif char < 0x800:
            target[0] = <uint8_t>(0xC0 | char >> 6)
            target[1] = <uint8_t>(0x80 | char & 0x3F)
            target += 2
        elif char < 0x10000:
            if 0xD800 <= char <= 0xDFFF:
                return -1
            target[0] = <uint8_t>(0xE0 | char >> 12)
            target[1] = <uint8_t>(0x80 | char >> 6 & 0x3F)
            target[2] = <uint8_t>(0x80 | char & 0x3F)
            target += 3
        elif char <= 0x10FFFF:
            target[0] = <uint8_t>(0xF0 | char >> 18)
            target[1] = <uint8_t>(0x80 | char >> 12 & 0x3F)
            target[2] = <uint8_t>(0x80 | char >> 6 & 0x3F)
            target[3] = <uint8_t>(0x80 | char & 0x3F)
            target += 4
        else:
            return -1
    return target - start


cdef Py_ssize_t payload_of(const void* message, int* opcode, const uint8_t** data, uint8_t* utf8) noexcept:
    """What a Variant is as a message: where its bytes are, and how many; -1 for what is to take the ordinary way.

    A text is put into `utf8`. That is the caller's own: while a message is compressed, another thread may send.
    """
    cdef const uint32_t* chars
    cdef int64_t size = packed_bytes_of(message, data)
    if size >= 0:
        opcode[0] = BINARY
        return size
    size = string_chars_of(message, &chars)
    if not 0 <= size <= LONGEST_TEXT:
        return -1
    opcode[0] = TEXT
    data[0] = utf8
    return utf8_of(chars, size, utf8)


cdef class Companion:
    """What is needed of a node that polls."""

    cdef Inbox inbox
    cdef Peers peers  # of a server


def accompany(Object node not None):
    """To be called once by a node that polls, when it is made."""
    cdef Companion companion = Companion.__new__(Companion)
    companion.inbox = node._inbox
    companion.peers = getattr(node, "_peers", None)
    node.companion = companion


cdef inline Companion companion_of(object node):
    return <Companion?>(<Object>node).companion


cdef bint server_send(object server, const void** arguments, int64_t* result) except -1:
    """send(peer_id, message) to one peer."""
    cdef int64_t peer_id
    cdef int opcode = 0
    cdef const uint8_t* data = NULL
    cdef Py_ssize_t size
    cdef Utf8 utf8
    cdef Peers peers
    if not int_of(arguments[0], &peer_id) or peer_id <= 0:
        return False
    size = payload_of(arguments[1], &opcode, &data, utf8)
    if size < 0:
        return False
    peers = companion_of(server).peers
    result[0] = OK
    return peers.queue(peer_id, opcode, data, size)


cdef bint endpoint_send(object endpoint, const void** arguments, int64_t* result) except -1:
    """send(message) of a client or of a peer."""
    cdef int opcode = 0
    cdef const uint8_t* data = NULL
    cdef Utf8 utf8
    cdef Py_ssize_t size = payload_of(arguments[0], &opcode, &data, utf8)
    cdef Connection connection = endpoint._connection
    result[0] = OK
    return size >= 0 and connection is not None and connection.outbox.queue(opcode, data, size)


cdef int INTERNAL_PROCESS = Node.NOTIFICATION_INTERNAL_PROCESS
cdef int INTERNAL_PHYSICS_PROCESS = Node.NOTIFICATION_INTERNAL_PHYSICS_PROCESS


cdef bint notified(object node, int what) except -1:
    if what == INTERNAL_PROCESS:
        poll(node, 2 * process_frames())
    elif what == INTERNAL_PHYSICS_PROCESS:
        poll(node, 2 * physics_frames() + 1)
    else:
        return False
    return True


cdef int poll(object node, long long frame) except -1:
    if hub.is_foreign():  # In a process thread group of its own, see Node.process_thread_group.
        if not hub.at_frame_end(node.poll):
            node._tell_thread_group()
    else:
        hub.poll(companion_of(node).inbox, frame)
    return 0


def poll_frame(Object node not None, int what):
    """Poll, if the notification is that of a frame in which the node polls: once in it for all nodes together."""
    return notified(node, what)


cdef dict POLLING_SHORTCUTS = {"_notification": notification_shortcut_capsule(notified)}
CLIENT_SHORTCUTS = {"send": shortcut_capsule(endpoint_send), **POLLING_SHORTCUTS}
PEER_SHORTCUTS = {"send": shortcut_capsule(endpoint_send)}
SERVER_SHORTCUTS = {"send": shortcut_capsule(server_send), **POLLING_SHORTCUTS}


cdef class ClientSink(Sink):
    """Messages as the client's signal."""

    cdef BoundSignal _message_received

    def __init__(self, BoundSignal message_received not None):
        self._message_received = with_arguments(message_received, 1)

    cpdef message(self, Intake source, object message):
        cdef PyObject* values[1]
        values[0] = <PyObject*>message
        self._message_received.emit_values(values)


cdef class ServerSink(PeerSink):
    """Messages as the server's signal, and as the peer's."""

    cdef BoundSignal _message_received

    def __init__(self, BoundSignal message_received not None):
        super().__init__()
        self._message_received = with_arguments(message_received, 2)

    cpdef tell_server(self, Intake source, object message):
        cdef PyObject* values[2]
        cdef object peer_id = source.peer_id
        values[0] = <PyObject*>peer_id
        values[1] = <PyObject*>message
        self._message_received.emit_values(values)

    cpdef tell_peer(self, Intake source, object message):
        cdef PyObject* values[1]
        cdef Object peer = source.peer
        if not peer.is_alive():
            return  # Somebody has freed the node; the connection ends soon.
        if source.sink_state is None:
            source.sink_state = BoundSignal.of(peer, "message_received", 1)
        values[0] = <PyObject*>message
        (<BoundSignal>source.sink_state).emit_values(values)


cdef BoundSignal with_arguments(BoundSignal signal, int count):
    if signal.argument_count != count:  # A derived class has declared another.
        raise TypeError(f"the signal {signal.name} must have {count} arguments, not {signal.argument_count}")
    return signal
