# The C view of packets.pyx: what is asked for each packet takes no look-up, and most of it no GIL.

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from ws_python.connection.inbox cimport Inbox, Sink
from ws_python.connection.intake cimport Intake
from ws_python.connection.outbox cimport Outbox
from ws_python.protocol.buffers cimport uchar
from ws_python.protocol.codec cimport Taken, Taker


ctypedef struct Packet:
    PyObject* data  # bytes that hold it, and maybe others; the queue owns a reference.
    PyObject* player  # Likewise.
    const char* memory
    int32_t size
    int32_t sender


#: Where packets to a peer can go without the GIL: those behind the first one in a turn.
ctypedef struct Lane:
    # That of the state, or it is an old one.
    uint64_t turn
    # hub.now when the peer did not lag behind, and nothing waited for it to be replaced; or never.
    double prompt_at
    PyObject* outbox  # `Packets` holds it during the turn.
    int32_t peer_id


#: What the engine asks all the time. Changed and read on the thread that polls, and on no other.
ctypedef struct State:
    # The queue: what was taken up to `next` is let go of in the next poll, for it may still be read.
    Packet* packets
    Py_ssize_t room
    Py_ssize_t first
    Py_ssize_t next
    Py_ssize_t end
    # Those from here on belong to another connection, of whose beginning nobody was told yet.
    Py_ssize_t fence
    # Until when packets are handed out in this poll, and how many were since the clock was asked.
    double until
    int since_clock
    # It said that there are none, because that time was over.
    bint is_late
    int status
    # DISCONNECTED is still to be seen, once, before `status`.
    bint is_lost
    int32_t unique_id
    int32_t target
    int32_t mode
    int32_t channel
    # By the low bits of the peers' ids, which are random; at least half of it is free. `turn` is another one as soon as
    # any may not be right.
    Lane* lanes
    uint32_t lane_room
    uint32_t lane_count
    uint64_t turn


cdef int64_t available(State* state) noexcept nogil
cdef const Packet* take(State* state) noexcept nogil
cdef int64_t status_of(State* state) noexcept nogil
cdef bint is_elsewhere() noexcept nogil
cdef bint put_in_room(State* state, const uchar* data, Py_ssize_t size) noexcept nogil


cdef class Player:
    # A weak reference: the collector does not see what the queue owns, which goes on to here.
    cdef object _endpoint
    # What is sent to it goes there, while that accepts it. A weak reference, too.
    cdef object _sending
    cdef readonly int32_t peer_id
    #: Whether the user was told of it.
    cdef public bint is_announced
    #: Whether packets are expected from it, and can be sent to it.
    cdef readonly bint is_here
    #: Packets that were not taken yet, as of the last poll; and the memory that they hold.
    cdef readonly Py_ssize_t waiting
    cdef Py_ssize_t _size
    cdef Py_ssize_t _most
    # Where further ones are held up, because too many wait.
    cdef Intake _parked
    # Whether it lags behind, and in which turn that was asked.
    cdef bint _lags
    cdef double _asked_at

    cdef Outbox outbox(self)
    cdef bint lags(self, Outbox outbox) except -1


cdef class Packets:
    cdef State state
    #: Whom packets can be sent to, by their ids.
    cdef readonly dict players
    #: Of a client: its server. None: not now, or this is a server.
    cdef public Player server
    cdef readonly bint is_client
    #: Whose packets these are; None when they are nobody's any more.
    cdef public Inbox inbox
    #: Whether there is something to tell of who came and went: turn() says so, and does not take it back.
    cdef public bint has_news
    #: turn() is under way.
    cdef bint is_turning
    #: Told of what is rare, see packets.pyi.
    cdef object _listener
    # Packets that wait of those who are gone, and the memory that they hold.
    cdef Py_ssize_t _left
    cdef Py_ssize_t _left_size
    # The outboxes of the lanes of this turn.
    cdef list _outboxes
    # What was taken last: somebody may still be reading it.
    cdef PyObject* _lent
    # Where the next short packet goes to, and how many bytes are taken there.
    cdef bytes _piece
    cdef Py_ssize_t _piece_taken

    cpdef bint turn(self, long long frame) except -1
    cdef int let_go(self) except -1
    cpdef add(self, Player player, bytes data, Intake source)
    cdef int _add_copy(self, Player player, const uchar* data, Py_ssize_t size, const uchar* key, Intake source) except -1
    cdef int _add(self, Player player, bytes owner, const char* memory, Py_ssize_t size, Intake source) except -1
    cdef bint _is_full(self, Player player) except -1
    cdef object put_memory(self, const uchar* data, Py_ssize_t size)
    cdef object _put_to(self, Player player, const uchar* data, Py_ssize_t size)
    cdef object _put_late(self, Player player, Outbox outbox, const uchar* data, Py_ssize_t size)
    cdef object _put_slowly(self, Player player, Outbox outbox, const uchar* data, Py_ssize_t size)
    cdef void _open_lane(self, Player player, Outbox outbox) noexcept
    cdef bint _grow_lanes(self) except -1
    cdef int _close_lanes(self) except -1
    cdef int _grow(self) except -1
    cdef int _let_go(self, Packet* packet) except -1


cdef class PacketSink(Sink):
    cdef Packets _packets
    cdef Sink _sink
    cdef object _listener
    #: Of a client: whose packets come now. None: the next message is the id.
    cdef public Player receiving

    cdef Player _player_of(self, Intake source)


cdef class _PacketTaker(Taker):
    cdef PacketSink _sink
    cdef Player _player
    cdef Intake _source

    cdef bint _is_next(self) except -1
