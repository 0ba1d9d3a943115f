# cython: language_level=3
"""A bad network as a Link: another link below it carries the bytes, later, slower, with stalls, and until it is cut.

Each direction is a Pipe, in which bytes are on their way: first, one behind the other, through its narrowest place, as the
bandwidth is, and then for as long as the latency is. When a byte arrives is not settled before it does: so what is changed
counts at once. The pipes are on a clock of their own, which stands still in a stall, for both of them.

The pipe is what the system and the network are to who sends: what it took is sent, unconfirmed, and on its way also when the
link is dropped.
"""

from collections import deque

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy, memset

from ..loop.clock import monotonic
from ..loop.hub import hub

cdef enum:
    # What passes in one direction before others have their turn.
    PORTION = 256 * 1024
    # What may be on its way in one direction: as much as systems have for a connection of TCP, or what comes through in
    # QUEUE_TIME seconds more than it needs to arrive.
    MOST_ON_THE_WAY = 4 * 1024 * 1024
    LEAST_ON_THE_WAY = 16 * 1024
    # Each takes some memory beside its bytes.
    MOST_CHUNKS = 4096
    # About how many microseconds it takes to put something into a pipe.
    WORK = 5
    # Stalls that are gone through one by one, where nobody has asked for long.
    MOST_STALLS = 1000

cdef double INFINITE = float("inf")
cdef double QUEUE_TIME = 0.5
# Seconds in which a narrow pipe lets pass what it then does at once.
cdef double PIECE_TIME = 0.01
# Seconds that what was dropped has to leave, as a system would send on; more only where the other side took nothing.
LINGER_TIME = 30.0


cdef class Chunk:
    """What was put into a pipe at once."""


cdef class Pipe:
    """One direction: bytes on their way, and behind them perhaps the end."""

    def __cinit__(self):
        self._chunks = deque()

    cdef int put(self, bytes data, double at) except -1:
        """Put bytes in, or None for the end."""
        cdef Chunk chunk = Chunk.__new__(Chunk)
        chunk._data = data
        chunk._at = at
        if data is not None:
            self.size += PyBytes_GET_SIZE(data)
            chunk._chance = 0.0 if self._chance is None else self._chance()
        self._chunks.append(chunk)
        return 0

    cdef double _begin(self, Chunk chunk) except? -1.0:
        """When the first byte of the first chunk begins to go through the narrowest place."""
        return max(chunk._at, self._free_at)

    cdef Py_ssize_t due(self, double now, const Values* values) except -2:
        """How many bytes of the first chunk are through; 0 is the end, -1 none yet."""
        cdef Chunk chunk = self._chunks[0]
        cdef Py_ssize_t rest = 0 if chunk._data is None else PyBytes_GET_SIZE(chunk._data) - chunk._used
        cdef double seconds = now - self._begin(chunk) - values.latency - chunk._chance * values.jitter
        cdef Py_ssize_t size
        if seconds < 0.0:
            return -1
        if rest == 0 or values.bandwidth <= 0.0:
            return rest
        size = <Py_ssize_t>min(<double>rest, seconds * values.bandwidth + 1e-6)
        return size if size > 0 else -1

    cdef double wait(self, double now, const Values* values) except? -1.0:
        """How long it takes until some more of the first chunk is through."""
        cdef Chunk chunk = self._chunks[0]
        cdef double seconds = self._begin(chunk) + values.latency + chunk._chance * values.jitter - now
        cdef double rest
        if chunk._data is not None and values.bandwidth > 0.0:
            rest = PyBytes_GET_SIZE(chunk._data) - chunk._used
            seconds += min(rest, max(1.0, values.bandwidth * PIECE_TIME)) / values.bandwidth
        return seconds

    cdef double sent_at(self, const Values* values) except? -1.0:
        """When the last byte is through the narrowest place: from then on nothing waits for it."""
        cdef Chunk chunk
        cdef double at = self._free_at
        for chunk in self._chunks:
            at = max(at, chunk._at)
            if chunk._data is not None and values.bandwidth > 0.0:
                at += (PyBytes_GET_SIZE(chunk._data) - chunk._used) / values.bandwidth
        return at

    cdef int take(self, Py_ssize_t size, const Values* values) except -1:
        """So many bytes of the first chunk are out."""
        cdef Chunk chunk = self._chunks[0]
        self._free_at = self._begin(chunk) + (size / values.bandwidth if values.bandwidth > 0.0 else 0.0)
        chunk._used += size
        self.size -= size
        self._carried += size
        if chunk._data is None or chunk._used == PyBytes_GET_SIZE(chunk._data):
            self._chunks.popleft()
        return 0

    cdef double until_cut(self, const Values* values) noexcept:
        """How many bytes are to come through before it is cut; at least one does."""
        if values.cut_bytes <= 0.0:
            return INFINITE
        return max(0.0, 1.0 + <double><long long>(self._cut * values.cut_bytes) - self._carried)

    cdef bint has_room(self, Py_ssize_t limit) except -1:
        """Whether less than `limit` is on its way."""
        return self.size < limit and len(self._chunks) < MOST_CHUNKS


cdef class SimulatedLink(OverLink):
    """Lies over `below`, also where that is in use: whoever received from it receives from this.

    `for_all` and `for_one` are the WebSocketSimulations (simulation.py) of all connections of a node, and of this one, which
    counts before it; None for none. Without any, bytes pass as they come.
    """

    def __init__(self, Link below not None):
        self._out, self._in = Pipe(), Pipe()
        self.host, self.port, self.certificate = below.host, below.port, below.certificate
        self.is_blocked, self.is_ended, self.is_broken = below.is_blocked, below.is_ended, below.is_broken
        self.receiver = below.receiver
        self._receive_from(below)
        self._stands_since = -1.0
        self._awaits_clear = self._awaits_below = True  # Somebody may have asked the link below.
        self._since = monotonic()
        memset(&self._values, 0, sizeof(Values))
        if self.receiver is not None:
            self._start_timer(0.0)

    # --- what is simulated

    @property
    def for_all(self):
        """The simulation of all connections of the node."""
        return self._for_all

    @for_all.setter
    def for_all(self, simulation):
        self._for_all = simulation
        self._follow()

    @property
    def for_one(self):
        """The simulation of this connection alone."""
        return self._for_one

    @for_one.setter
    def for_one(self, simulation):
        self._for_one = simulation
        self._follow()

    cdef int _follow(self) except -1:
        """Find out which simulation counts. Another one begins anew, with draws of its own."""
        simulation = self._for_all if self._for_one is None else self._for_one
        if simulation is self._simulation or self._below is None:
            return 0
        if self._simulation is not None:
            self._simulation._end(self)
        self._simulation = simulation
        self._since = self._calm_since = monotonic()
        if simulation is not None:
            self._draws = draws = simulation._begin(self)
            self._calm = draws.next_calm()
            self._out._chance, self._in._chance = draws.jitter_out, draws.jitter_in
            self._out._cut, self._in._cut = draws.cut_out, draws.cut_in
            self._out._carried = self._in._carried = 0
        self.changed()
        return 0

    def changed(self):
        """The simulation has other values. What that is for what is on its way comes about in the next turn."""
        simulation = self._simulation
        self._clock(monotonic())  # What was until now is settled by the values of then.
        if simulation is None:
            memset(&self._values, 0, sizeof(Values))
        else:
            self._values.latency = simulation.latency
            self._values.jitter = simulation.jitter
            self._values.bandwidth = simulation.bandwidth
            self._values.stall_interval = simulation.stall_interval
            self._values.stall_time = simulation.stall_time
            self._values.cut_interval = simulation.cut_interval
            self._values.cut_bytes = simulation.cut_bytes
        if self._below is not None:
            self._start_timer(0.0)

    cdef double _clock(self, double now) except? -1.0:
        """What the clock of the network says when monotonic() says `now`: it stands still in stalls."""
        cdef double end
        cdef int count = 0
        cdef Values* values = &self._values
        self._stands_for = 0.0
        if values.stall_interval <= 0.0 or values.stall_time <= 0.0:
            if self._stands_since >= 0.0:
                self._stood += now - self._stands_since
                self._stands_since = -1.0
            self._calm_since = now
            return now - self._stood
        while True:
            if self._stands_since >= 0.0:
                end = self._stands_since + values.stall_time
                if now < end:
                    self._stands_for = end - now
                    return self._stands_since - self._stood
                self._stood += values.stall_time
                self._stands_since = -1.0
                self._calm_since = end
                self._calm = self._draws.next_calm()
                count += 1
                if count == MOST_STALLS:
                    self._calm_since = now
            if now < self._calm_since + self._calm * values.stall_interval:
                return now - self._stood
            self._stands_since = self._calm_since + self._calm * values.stall_interval

    # --- the link below calls these

    cdef int _arrived(self, const uchar* data, Py_ssize_t size) except -1:
        if self._is_dropped or self._below is None:
            return 0
        self._in.put(PyBytes_FromStringAndSize(<const char*>data, size), self._clock(monotonic()))
        if not self._in.has_room(self._limit()):
            self._is_below_paused = True
            self._below.pause()
        self._act()
        return WORK

    cdef int _below_ended(self) except -1:
        if not self._is_dropped:
            self._in.put(None, self._clock(monotonic()))
            self._act()
        return 0

    cdef int _below_writable(self) except -1:
        self._act()
        if self._awaits_below:
            self._awaits_below = False
            if self.receiver is not None:
                self.receiver.writable()
        return 0

    # --- what comes through

    def _on_timer(self):
        self._timer = None
        self._act()

    cdef int _act(self) except -1:
        """Let pass what is through, and see to it that this goes on. Within itself, it goes on behind what it is at."""
        self._acts_again = True
        if self._is_acting:
            return 0
        self._is_acting = True
        try:
            while self._acts_again and self._below is not None:
                self._acts_again = False
                self._act_once()
        finally:
            self._is_acting = False
        return self._set_timer()

    cdef int _act_once(self) except -1:
        cdef double real = monotonic()
        cdef double now = self._clock(real)
        if real >= self._cut_at():
            return self._cut_by_time()
        if self._stands_for <= 0.0:
            self._receive(now)
            if self._below is not None:
                self._send(now)
        if self._below is not None:
            if self._is_cut():
                self._cut()
            else:
                self._settle(now)
        return 0

    cdef int _receive(self, double now) except -1:
        """Give the receiver what has come through to it."""
        cdef Py_ssize_t left = PORTION
        cdef Py_ssize_t size
        cdef double until_cut
        while left > 0 and self._in._chunks and not self._is_paused and self.receiver is not None:
            size = self._in.due(now, &self._values)
            if size < 0:
                return 0
            if size == 0:
                self._in.take(0, &self._values)
                return self._tell_end()
            until_cut = self._in.until_cut(&self._values)
            size = <Py_ssize_t>min(<double>min(size, left), until_cut)
            if size == 0:
                return 0
            left -= self._give(size)
        return 0

    cdef Py_ssize_t _give(self, Py_ssize_t most) except -1:
        """Give the receiver so much of the first chunk, as far as it has room: how much."""
        cdef Receiver receiver = self.receiver
        cdef Chunk chunk = self._in._chunks[0]
        receiver.lend()
        most = min(most, receiver.room)
        memcpy(receiver.target, PyBytes_AS_STRING(chunk._data) + chunk._used, most)
        self._in.take(most, &self._values)
        receiver.received(most)  # It may have done anything to this link.
        return most

    cdef int _send(self, double now) except -1:
        """Give the link below what has come through to it."""
        cdef Py_ssize_t left = PORTION
        cdef Py_ssize_t size
        cdef double until_cut
        while left > 0 and self._out._chunks and not self._below.is_blocked:
            size = self._out.due(now, &self._values)
            if size < 0:
                return 0
            if size == 0:
                self._out.take(0, &self._values)
                self._below.half_close()
                continue
            until_cut = self._out.until_cut(&self._values)
            size = <Py_ssize_t>min(<double>min(size, left), until_cut)
            if size == 0:
                return 0
            left -= self._hand_on(size)
            if self._below.is_broken:
                return self._break()
        return 0

    cdef int _send_now(self) except -1:
        """As _act(), within a call of whoever sends: the receiver is given and told nothing."""
        cdef double now = self._clock(monotonic())
        if self._is_acting:
            self._acts_again = True
            return 0
        if self._stands_for <= 0.0:
            self._send(now)
        return self._set_timer()

    cdef Py_ssize_t _hand_on(self, Py_ssize_t most) except -1:
        """Give the link below so much of the first chunk: how much it took."""
        cdef Chunk chunk = self._out._chunks[0]
        cdef Py_ssize_t taken
        taken = self._below.write_memory(<const uchar*>PyBytes_AS_STRING(chunk._data) + chunk._used, most)
        self._out.take(taken, &self._values)
        return taken

    cdef int _settle(self, double now) except -1:
        """What follows from what has passed."""
        cdef Py_ssize_t limit = self._limit() // 2
        cdef bint tells = False
        if self._is_below_paused and not self._is_paused and self._in.has_room(limit):
            self._is_below_paused = False
            self._below.resume()
        if self._is_dropped:
            if not self._out._chunks:
                self._finish()
            return 0
        if self.is_blocked and self._out.has_room(limit):
            self.is_blocked = False
            tells = True
        if self._awaits_clear and self._is_sent(now):
            self._awaits_clear = False
            tells = True
        if tells and self.receiver is not None:
            self.receiver.writable()
        return 0

    cdef bint _is_sent(self, double now) except -1:
        """Whether nothing waits at this end of the pipe."""
        if not self._out._chunks:
            return True
        return not self._below.is_blocked and self._stands_for <= 0.0 and self._out.sent_at(&self._values) <= now

    cdef Py_ssize_t _limit(self) noexcept:
        """How much may be on its way in one direction."""
        cdef double size
        if self._values.bandwidth <= 0.0:
            return MOST_ON_THE_WAY
        size = self._values.bandwidth * (2.0 * self._values.latency + self._values.jitter + QUEUE_TIME)
        return <Py_ssize_t>min(<double>MOST_ON_THE_WAY, max(<double>LEAST_ON_THE_WAY, size))

    # --- the end

    cdef bint _is_cut(self) noexcept:
        """Whether the byte came through behind which it is to be cut."""
        return self._out.until_cut(&self._values) <= 0.0 or self._in.until_cut(&self._values) <= 0.0

    cdef double _cut_at(self) except? -1.0:
        """When it is to be cut."""
        if self._values.cut_interval <= 0.0:
            return INFINITE
        return self._since + <double>self._draws.cut_time * self._values.cut_interval

    cdef int _cut_by_time(self) except -1:
        """Cut it now: of what is on its way a part arrives."""
        cdef Py_ssize_t left = <Py_ssize_t>(<double>self._draws.share_out * self._out.size)
        while left > 0 and not self._below.is_blocked and not self._below.is_broken:
            left -= self._hand_on(min(left, self._first_size(self._out)))
        left = <Py_ssize_t>(<double>self._draws.share_in * self._in.size)
        while left > 0 and self._below is not None and not self._is_paused and self.receiver is not None:
            left -= self._give(min(left, self._first_size(self._in)))
        if self._below is not None:
            self._cut()
        return 0

    def _first_size(self, Pipe pipe):
        """How many bytes the first chunk has."""
        cdef Chunk chunk = pipe._chunks[0]
        return PyBytes_GET_SIZE(chunk._data) - chunk._used

    cdef int _cut(self) except -1:
        """The TCP connection breaks, and what is on its way is lost."""
        cdef Link below = self._below
        self.is_broken = True
        self.is_blocked = False
        self._finish(reset=True)
        return self._tell_end()

    cdef int _break(self) except -1:
        """The link below is broken: what is on its way out is lost, and what comes in tells the end."""
        self.is_broken = True
        self._out._chunks.clear()
        self._out.size = 0
        return 0

    def _finish(self, bint reset=False):
        """There is no link below any more."""
        cdef Link below = self._below
        self._below = None
        self._stop_timer()
        if self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None
        self._out, self._in = Pipe(), Pipe()
        if self._simulation is not None:
            self._simulation._end(self)
        if self._is_dropped:
            hub.part(self)
        if below is not None:
            below.receiver = None
            if reset:
                below.reset()
            else:
                below.drop()

    cdef int _tell_end(self) except -1:
        if not self.is_ended:
            self.is_ended = True
            if self.receiver is not None:
                self.receiver.ended()
        return 0

    # --- when

    cdef int _set_timer(self) except -1:
        """See to it that it acts when something is through next."""
        cdef double real, now, wait
        if self._below is None:
            return self._stop_timer()
        real = monotonic()
        now = self._clock(real)
        wait = INFINITE
        if self._in._chunks and not self._is_paused and self.receiver is not None:
            wait = self._in.wait(now, &self._values)
        if self._out._chunks and not self._below.is_blocked:
            wait = min(wait, self._out.wait(now, &self._values))
            if self._awaits_clear:
                wait = min(wait, self._out.sent_at(&self._values) - now)
        wait = max(wait, 0.0) + self._stands_for
        if self.is_blocked and self._out.has_room(self._limit() // 2) or self._awaits_clear and self._is_sent(now) or self._is_cut():
            wait = 0.0
        wait = min(wait, max(0.0, self._cut_at() - real))
        if wait < INFINITE and not (self._timer is not None and self._timer_at <= real + wait):
            self._start_timer(wait)
        return 0

    def _start_timer(self, double wait):
        self._stop_timer()
        self._timer_at = monotonic() + wait
        self._timer = hub.deadlines.after(wait, self._on_timer)

    cdef int _stop_timer(self) except -1:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return 0

    # --- as a Link

    cpdef Py_ssize_t write(self, object data) except -1:
        cdef Py_buffer view
        cdef Py_ssize_t taken
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            taken = self.write_memory(<const uchar*>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)
        return taken

    cdef Py_ssize_t write_memory(self, const uchar* data, Py_ssize_t size) except -1:
        cdef Py_ssize_t taken = 0
        cdef Py_ssize_t part
        if self._below is None or self.is_broken or self._is_closing or self._is_dropped:
            self.is_broken = True
            return size
        if self._simulation is None and not self._out._chunks and not self._below.is_blocked:
            taken = self._below.write_memory(data, size)
            self.is_broken = self._below.is_broken
        if taken < size and self._out.has_room(self._limit()):
            part = min(size - taken, self._limit() - self._out.size)
            self._out.put(PyBytes_FromStringAndSize(<const char*>data + taken, part), self._clock(monotonic()))
            taken += part
        if taken < size:
            self.is_blocked = True
        self._send_now()
        return taken

    cpdef str local_host(self):
        return "" if self._below is None else self._below.local_host()

    cpdef Py_ssize_t held(self) except -1:
        return 0 if self._below is None else self._below.held()

    cpdef double round_trip(self) except -1:
        """See Link. What is simulated is not seen by the system below."""
        if self._below is None:
            return 0.0
        return self._below.round_trip() + 2.0 * self._values.latency + self._values.jitter

    cpdef Py_ssize_t unconfirmed(self) except -1:
        return 0 if self._below is None else self._out.size + self._below.unconfirmed()

    cpdef bint is_clear(self) except -1:
        if self.is_blocked:
            return False
        if self._below is None or self.is_ended:
            return True
        if not self._is_sent(self._clock(monotonic())):
            self._awaits_clear = True
            self._set_timer()
            return False
        self._awaits_below = not self._below.is_clear()
        return not self._awaits_below

    cpdef bint lags(self) except -1:
        if self._below is None or self.is_ended:
            return False
        return self.is_blocked or not self._is_sent(self._clock(monotonic())) or self._below.lags()

    cpdef pause(self):
        self._is_paused = True  # What is on its way still comes, until the pipe is full.

    cpdef resume(self):
        self._is_paused = False
        if self._below is None:
            return
        if not self._is_below_paused:
            self._below.resume()  # It was paused before this lay over it.
        if self._in._chunks or self._is_below_paused:
            self._start_timer(0.0)  # Not within the call of whoever resumes.

    cpdef half_close(self):
        if self._below is None or self._is_closing:
            return
        self._is_closing = True
        self._out.put(None, self._clock(monotonic()))
        self._send_now()

    cpdef drop(self):
        """See Link. What is on its way out still leaves, as from a system, with nobody to poll for it, too."""
        self.receiver = None
        self.is_ended = True
        if self._below is None:
            return
        if self._is_dropped or self._below.is_broken or not self._out._chunks:
            self._finish()
            return
        self._is_dropped = True
        self._in = Pipe()
        if self._is_below_paused:
            self._is_below_paused = False
            self._below.resume()  # What comes is thrown away.
        self._give_up = hub.deadlines.after(LINGER_TIME, self._finish)
        hub.linger(self)
        self._set_timer()
