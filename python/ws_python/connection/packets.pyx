# cython: language_level=3
"""Packets of a multiplayer: those that came wait here for the game to take them, and those that it puts find their way.

A packet is a message (features/multiplayer.py has what is on the wire). What the engine asks again and again for each of
them is in a struct in C, which takes no GIL; ws_godot/multiplayer_shortcuts.pyx reads it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memmove

from weakref import ref

from ..declare.errors import Error
from ..loop.clock import monotonic
from ..loop.hub import hub as _hub

from ws_python.connection.connection cimport Connection
from ws_python.loop.hub cimport Hub
from ws_python.protocol.codec cimport NOT_TAKEN, TAKEN, TAKEN_ERROR, TAKEN_LAST
from ws_python.protocol.wire cimport BINARY, xor_mask

cdef Hub hub = _hub
cdef object _OK = Error.OK
cdef object _ERR_UNAVAILABLE = Error.ERR_UNAVAILABLE
cdef object _ERR_BUSY = Error.ERR_BUSY
cdef object _ERR_INVALID_PARAMETER = Error.ERR_INVALID_PARAMETER
cdef object _ERR_CONNECTION_ERROR = Error.ERR_CONNECTION_ERROR

cdef extern from *:
    """
    #ifdef __GNUC__
    #define prefetch(address) __builtin_prefetch(address)
    #else
    #define prefetch(address) ((void)0)
    #endif
    """
    void prefetch(const void* address) noexcept nogil

cdef enum:  # MultiplayerPeer.TransferMode
    UNRELIABLE = 0
    UNRELIABLE_ORDERED = 1
    RELIABLE = 2

cdef enum:  # MultiplayerPeer.ConnectionStatus
    DISCONNECTED = 0
    CONNECTED = 2

cdef enum:
    FIRST_ROOM = 64
    # The clock is asked when that many were taken.
    PACKETS_PER_CLOCK = 32
    # So many packets before one is looked at, its line comes to the cache: handling one takes all of that for itself.
    AHEAD = 4
    # What a packet that waits is counted with, beside its bytes.
    PACKET_OVERHEAD = 64
    # Packets of one player that wait: enough to be busy with. What else there is waits in the system.
    MOST_WAITING = 1024
    NO_FENCE = -1
    FIRST_LANE_ROOM = 16
    # Packets up to SHORT share pieces of memory of that size.
    PIECE = 32 * 1024
    SHORT = 4 * 1024

cdef double NEVER = -1.0
# Of a poll's time, what is for handing out packets, however long reading took.
cdef double DELIVERING_SHARE = 0.5

# Channel -> the key of send_latest(): none of a user's is a tuple.
cdef dict _keys = {}


cdef bint is_over(double until) noexcept with gil:
    return monotonic() >= until


cdef int64_t available(State* state) noexcept nogil:
    """How many packets can be taken; 0 also where the time of this poll is over, until the next one."""
    cdef Py_ssize_t end = state.end if state.fence == NO_FENCE else state.fence
    if state.next >= end:
        return 0
    if state.since_clock >= PACKETS_PER_CLOCK:
        if is_over(state.until):
            state.is_late = True
            return 0
        state.since_clock = 0
    return end - state.next


cdef const Packet* take(State* state) noexcept nogil:
    """The next packet: it stays where it is until the next poll but one. NULL: there is none."""
    cdef Py_ssize_t end = state.end if state.fence == NO_FENCE else state.fence
    if state.next >= end:
        return NULL
    prefetch(&state.packets[state.next + AHEAD])
    state.next += 1
    state.since_clock += 1
    return &state.packets[state.next - 1]


cdef int64_t status_of(State* state) noexcept nogil:
    if state.is_lost:
        state.is_lost = False
        return DISCONNECTED
    return state.status


cdef Lane* lane_of(State* state, int32_t peer_id) noexcept nogil:
    """That of a peer, or a free place for it. There have to be lanes."""
    cdef uint32_t i = <uint32_t>peer_id & (state.lane_room - 1)
    while state.lanes[i].turn == state.turn and state.lanes[i].peer_id != peer_id:
        i = (i + 1) & (state.lane_room - 1)
    return &state.lanes[i]


cdef bint is_elsewhere() noexcept nogil:
    """Whether the calling thread is not the one that polls, whose the state is."""
    return hub.is_foreign()


cdef bint put_in_room(State* state, const uchar* data, Py_ssize_t size) noexcept nogil:
    """Send a packet to the target without the GIL, on the thread that polls. False: nothing was done, see put_memory()."""
    cdef Lane* lane
    if is_elsewhere() or state.lane_count == 0 or state.target <= 0:
        return False
    lane = lane_of(state, state.target)
    if lane.turn != state.turn or (state.mode != RELIABLE and lane.prompt_at != hub.now):
        return False
    return (<Outbox>lane.outbox).queue_in_room(BINARY, data, size)


cdef class Player:
    """Who is at the other end: of a server each that plays, of a client the server."""

    def __init__(self, endpoint, int peer_id, Py_ssize_t max_queued_bytes):
        self._endpoint = ref(endpoint)
        self.peer_id = peer_id
        self._most = max_queued_bytes
        self._asked_at = NEVER
        self.is_here = True

    @property
    def endpoint(self):
        """A server's peer; of a client the client itself. None: it is gone."""
        return self._endpoint()

    cdef Outbox outbox(self):
        cdef Connection connection
        cdef Outbox outbox
        if self._sending is not None:
            outbox = self._sending()
            if outbox is not None and outbox.accepts:
                return outbox
        endpoint = self._endpoint()
        if endpoint is None:
            return None
        connection = endpoint._connection
        if connection is None:
            return None
        self._sending = ref(connection.outbox)
        return connection.outbox

    cdef bint lags(self, Outbox outbox) except -1:
        """Whether what is sent now has to wait: asked of the system once in a turn."""
        if self._asked_at != hub.now:
            self._asked_at = hub.now
            self._lags = outbox.lags()
        return self._lags


cdef class Packets:
    """Of one server or client."""

    def __init__(self, Inbox inbox not None, listener, *, bint is_client):
        self.inbox = inbox
        self._listener = listener
        self.is_client = is_client
        self.players = {}
        self.state.fence = NO_FENCE
        self.state.mode = RELIABLE
        self.state.turn = 1  # New lanes have 0.
        self._outboxes = []

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.state.first, self.state.end):
            Py_DECREF(<object>self.state.packets[i].data)
            Py_DECREF(<object>self.state.packets[i].player)
        free(self.state.packets)
        free(self.state.lanes)
        if self._lent != NULL:
            Py_DECREF(<object>self._lent)

    # --- in

    cpdef add(self, Player player, bytes data, Intake source):
        """A packet came."""
        self._add(player, data, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), source)

    cdef int _add_copy(self, Player player, const uchar* data, Py_ssize_t size, const uchar* key, Intake source) except -1:
        """As add(), of one that is masked with `key`; NULL: it is not. Short ones share a piece of memory."""
        cdef uchar* memory
        cdef bytes owner = self._piece
        cdef Py_ssize_t taken = self._piece_taken
        if size > SHORT:
            owner = PyBytes_FromStringAndSize(NULL, size)
            taken = 0
        elif owner is None or taken + size > PIECE:
            owner = self._piece = PyBytes_FromStringAndSize(NULL, PIECE)
            taken = 0
            self._piece_taken = size
        else:
            self._piece_taken += size
        memory = <uchar*>PyBytes_AS_STRING(owner) + taken
        if key == NULL:
            memcpy(memory, data, size)
        else:
            xor_mask(memory, data, size, key)
        return self._add(player, owner, <const char*>memory, size, source)

    cdef int _add(self, Player player, bytes owner, const char* memory, Py_ssize_t size, Intake source) except -1:
        cdef Packet* packet
        if size == 0:
            return 0  # As for the engine's own peer, that is none.
        if self.state.end == self.state.room:
            self._grow()
        packet = &self.state.packets[self.state.end]
        Py_INCREF(owner)
        Py_INCREF(player)
        packet.data = <PyObject*>owner
        packet.player = <PyObject*>player
        packet.memory = memory
        packet.size = <int32_t>size
        packet.sender = player.peer_id
        self.state.end += 1
        player.waiting += 1
        player._size += size + PACKET_OVERHEAD
        if player._parked is not source and self._is_full(player):
            player._parked = source  # One before it, in the same session, hands out nothing any more.
            source.park()
        return 0

    cdef bint _is_full(self, Player player) except -1:
        """Whether too much waits: of this player, or of those who are gone, whom no connection counts any more."""
        return (
            player.waiting > MOST_WAITING
            or player._size > player._most
            or self._left > MOST_WAITING
            or self._left_size > player._most
        )

    def part(self, Player player):
        """Nothing more comes from it; what waits of it is handed out all the same."""
        self._close_lanes()
        if player.is_here:
            player.is_here = False
            self._left += player.waiting
            self._left_size += player._size

    cdef int _grow(self) except -1:
        cdef Py_ssize_t room = max(FIRST_ROOM, 2 * self.state.room)
        cdef void* memory
        if self.state.first > self.state.room // 2:
            self._move_up()
            return 0
        memory = realloc(self.state.packets, room * sizeof(Packet))
        if memory == NULL:
            raise MemoryError
        self.state.packets = <Packet*>memory
        self.state.room = room
        return 0

    def _move_up(self):
        cdef Py_ssize_t first = self.state.first
        memmove(self.state.packets, self.state.packets + first, (self.state.end - first) * sizeof(Packet))
        self.state.first = 0
        self.state.next -= first
        self.state.end -= first
        if self.state.fence != NO_FENCE:
            self.state.fence -= first

    cdef int _let_go(self, Packet* packet) except -1:
        """Count it out; its data is the caller's."""
        cdef Player player = <Player>packet.player
        player.waiting -= 1
        player._size -= packet.size + PACKET_OVERHEAD
        if not player.is_here:
            self._left -= 1
            self._left_size -= packet.size + PACKET_OVERHEAD
        Py_DECREF(player)
        if player._parked is not None and player.waiting * 2 <= MOST_WAITING and player._size * 2 <= player._most:
            source, player._parked = player._parked, None
            source.unpark()
        return 0

    cdef int let_go(self) except -1:
        """Let go of what was taken: to be called at the beginning of a poll."""
        cdef Packet* packet
        self._close_lanes()
        while self.state.first < self.state.next:
            packet = &self.state.packets[self.state.first]
            prefetch(packet + AHEAD)
            self.state.first += 1
            if self._lent != NULL:
                Py_DECREF(<object>self._lent)
            self._lent = packet.data
            self._let_go(packet)
        if self.state.first == self.state.end:
            self.state.first = self.state.next = self.state.end = 0
            if self.state.fence != NO_FENCE:
                self.state.fence = 0
        return 0

    cpdef bint turn(self, long long frame) except -1:
        """Let go of what was taken, and poll `inbox`. Whether there may be something to tell of who came and went.

        From then on packets are handed out for what is left of its `poll_time`, and for half of that at least; some in any case.
        """
        cdef Inbox inbox = self.inbox  # Whoever frees the node, in a handler or on another thread, takes it away.
        cdef bint is_nested = self.is_turning
        cdef double until
        if inbox is None:
            return False
        until = monotonic() + inbox.poll_time
        self.let_go()
        if self.state.is_late:
            self.state.is_late = False
            hub.is_behind = True
        self.is_turning = True
        try:
            hub.poll(inbox, frame)
        finally:
            self.is_turning = is_nested
        self.state.until = max(until, monotonic() + inbox.poll_time * DELIVERING_SHARE)
        self.state.since_clock = 0
        return self.inbox is not None and (self.has_news or self.state.status != CONNECTED)

    def forget(self, Player player):
        """Hand out nothing more of what came from it; None: of anybody."""
        cdef Py_ssize_t i
        cdef Py_ssize_t kept, fence
        cdef Packet packet
        self.let_go()
        kept = self.state.first
        fence = self.state.fence
        for i in range(self.state.first, self.state.end):
            packet = self.state.packets[i]
            if player is None or packet.player == <PyObject*>player:
                if i < fence:
                    self.state.fence -= 1
                self._let_go(&packet)
                Py_DECREF(<object>packet.data)
            else:
                self.state.packets[kept] = packet
                kept += 1
        self.state.end = kept

    def set_fence(self):
        """What comes from now on is of another connection: it waits until remove_fence()."""
        self.state.fence = self.state.end

    def remove_fence(self):
        """Hand out what waits."""
        self.state.fence = NO_FENCE

    def get(self):
        """Take the next packet; None: there is none."""
        cdef const Packet* packet = take(&self.state)
        return None if packet == NULL else PyBytes_FromStringAndSize(packet.memory, packet.size)

    @property
    def count(self):
        """How many packets can be taken now."""
        return available(&self.state)

    @property
    def sender(self):
        """Whose the next packet is; 0: there is none."""
        return self.state.packets[self.state.next].sender if self.state.next < self.state.end else 0

    # --- out

    def put(self, data):
        """Send a packet to the target, by the transfer mode."""
        cdef bytes packet = bytes(data)
        return self.put_memory(<const uchar*>PyBytes_AS_STRING(packet), PyBytes_GET_SIZE(packet))

    cdef object put_memory(self, const uchar* data, Py_ssize_t size):
        cdef Player player = self.server
        cdef int target = self.state.target
        if hub.is_foreign():
            hub.refuses("put_packet")
            return _ERR_UNAVAILABLE
        if not self.is_client and target > 0:
            player = self.players.get(target)
            if player is None:
                return _ERR_INVALID_PARAMETER
        elif not self.is_client:
            return self._put_to_many(PyBytes_FromStringAndSize(<const char*>data, size), -target)
        elif player is None:
            return _ERR_CONNECTION_ERROR
        return self._put_to(player, data, size)

    def _put_to_many(self, bytes data, int left_out):
        result = _OK
        for peer_id, player in list(self.players.items()):
            if peer_id != left_out:
                error = self._put_to(player, <const uchar*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
                result = result or error
        return result

    cdef object _put_to(self, Player player, const uchar* data, Py_ssize_t size):
        cdef Outbox outbox = player.outbox()
        if outbox is None:
            return _ERR_CONNECTION_ERROR
        if self.state.mode != RELIABLE and (
            player.lags(outbox)
            # An older one still waits to be replaced: this may not overtake it.
            or (self.state.mode == UNRELIABLE_ORDERED and outbox.has_latest(self._key()))
        ):
            return self._put_late(player, outbox, data, size)
        if outbox.queue(BINARY, data, size):
            # Whoever frees a node on another thread may have parted with the player while that was queued.
            if player.is_here and not self.is_client and outbox.session is None:
                self._open_lane(player, outbox)
            return _OK
        return self._put_slowly(player, outbox, data, size)

    cdef void _open_lane(self, Player player, Outbox outbox) noexcept:
        """What goes to this player next needs no GIL, for the rest of this turn. Where no memory is left it does need it."""
        cdef State* state = &self.state
        cdef Lane* lane
        try:
            if 2 * state.lane_count >= state.lane_room and not self._grow_lanes():
                return
            lane = lane_of(state, player.peer_id)
            if lane.turn != state.turn or lane.outbox != <PyObject*>outbox:
                self._outboxes.append(outbox)
        except MemoryError:
            return
        if lane.turn != state.turn:
            lane.turn = state.turn
            lane.peer_id = player.peer_id
            state.lane_count += 1
        lane.outbox = <PyObject*>outbox
        lane.prompt_at = player._asked_at if state.mode != RELIABLE and outbox._latest_size == 0 else NEVER

    cdef bint _grow_lanes(self) except -1:
        cdef uint32_t room = max(FIRST_LANE_ROOM, 2 * self.state.lane_room)
        cdef void* memory = calloc(room, sizeof(Lane))
        if memory == NULL:
            return False
        self._close_lanes()
        free(self.state.lanes)
        self.state.lanes = <Lane*>memory
        self.state.lane_room = room
        return True

    cdef int _close_lanes(self) except -1:
        if self.state.lane_count:
            self.state.turn += 1
            self.state.lane_count = 0
        self._outboxes.clear()
        return 0

    cdef object _put_late(self, Player player, Outbox outbox, const uchar* data, Py_ssize_t size):
        """To somebody who lags behind: the newest of its channel, or nothing."""
        if self.state.mode == UNRELIABLE_ORDERED:
            error = outbox.send_latest(self._key(), PyBytes_FromStringAndSize(<const char*>data, size))
            if error is not _ERR_BUSY:
                return error
        self._listener.left_out()
        return _OK

    def _key(self):
        cdef int channel = self.state.channel
        key = _keys.get(channel)
        if key is None:
            key = _keys[channel] = ("multiplayer", channel)
        return key

    cdef object _put_slowly(self, Player player, Outbox outbox, const uchar* data, Py_ssize_t size):
        """As queueing it does not do: by the ordinary way, which knows every case and every error."""
        if self.state.mode != RELIABLE and outbox.accepts and not outbox._has_room(size):
            self._listener.left_out()
            return _OK
        error = outbox.send(PyBytes_FromStringAndSize(<const char*>data, size))
        if error is not _OK:
            self._listener.refused(player, error, size, self.state.mode == RELIABLE)
        return error

    # --- what is asked, in Python

    @property
    def status(self):
        """A ConnectionStatus of the engine's MultiplayerPeer."""
        return status_of(&self.state)

    @status.setter
    def status(self, int status):
        self.state.status = status

    @property
    def is_lost(self):
        """Whether the next look at the status is to see that there is no connection, whatever it is after that."""
        return self.state.is_lost

    @is_lost.setter
    def is_lost(self, bint is_lost):
        self.state.is_lost = is_lost

    @property
    def unique_id(self):
        """This side's own id."""
        return self.state.unique_id

    @unique_id.setter
    def unique_id(self, int unique_id):
        self.state.unique_id = unique_id

    @property
    def target(self):
        """Who gets the packets that are put: an id, 0 for everybody, negative for all but one. Of a client: no matter."""
        return self.state.target

    @target.setter
    def target(self, int target):
        if not is_elsewhere():  # What another thread sets is no matter: it puts nothing.
            self.state.target = target

    @property
    def mode(self):
        """How packets that are put are transferred."""
        return self.state.mode

    @mode.setter
    def mode(self, int mode):
        if not is_elsewhere():
            self.state.mode = mode

    @property
    def channel(self):
        """The channel of packets that are put."""
        return self.state.channel

    @channel.setter
    def channel(self, int channel):
        if not is_elsewhere():
            self.state.channel = channel


cdef class PacketSink(Sink):
    """In front of the sink of a node: takes messages that are packets, and passes on all others."""

    def __init__(self, Packets packets not None, Sink sink not None, listener):
        self._packets = packets
        self._sink = sink
        self._listener = listener

    cpdef message(self, Intake source, object message):
        cdef Player player
        if self._packets.is_client:
            player = self.receiving
        else:
            player = self._player_of(source)
            if player is None:
                self._sink.message(source, message)
                return
        if player is None:
            self._listener.greeted(source.owner, message)
        elif not player.is_here:
            return  # The game has parted with it, and it goes on until it hears of that.
        elif type(message) is bytes:
            self._packets.add(player, message, source)
            if source.codec is not None and source.codec.taker is None and source.layer is None and not self._packets.is_client:
                source.codec.taker = _PacketTaker(self, player, source)
        else:
            self._listener.text_came(source.owner, message)

    cdef Player _player_of(self, Intake source):
        if type(source.sink_state) is Player:
            return source.sink_state
        player = self._packets.players.get(source.peer_id)
        if player is not None:
            source.sink_state = player
        return player

    cpdef settle(self):
        self._sink.settle()


cdef class _PacketTaker(Taker):
    """Brings packets of one of a server's connections straight into the queue, past the inbox, if nothing waits there.

    Only in a turn() of the queue: a game that is paused, say, is handed nothing for which others poll.
    """

    def __init__(self, PacketSink sink not None, Player player not None, Intake source not None):
        self._sink = sink
        self._player = player
        self._source = source

    cdef bint _is_next(self) except -1:
        """Whether what comes now is next for the queue: nothing of it waits, and the user is to see it as it is."""
        cdef Intake source = self._source
        cdef Inbox inbox = self._sink._packets.inbox
        return (
            inbox is not None
            and self._sink._packets.is_turning
            and inbox.sink is self._sink  # No supervisor is before it,
            and not inbox.is_held  # nor was one, which is still looking at the message before.
            and source.next == len(source.events)
            and self._player.is_here
        )

    cdef Taken take(self, const uchar* data, Py_ssize_t size, const uchar* key) except TAKEN_ERROR:
        if not self._is_next():
            return NOT_TAKEN
        self._sink._packets._add_copy(self._player, data, size, key, self._source)
        return TAKEN_LAST if self._source.is_parked else TAKEN

    cdef Taken take_whole(self, bytes message) except TAKEN_ERROR:
        if not self._is_next():
            return NOT_TAKEN
        self._sink._packets.add(self._player, message, self._source)
        return TAKEN_LAST if self._source.is_parked else TAKEN
