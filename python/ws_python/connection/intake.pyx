# cython: language_level=3
"""The receiving half of a connection: what the codec brought waits here, and reading pauses where too much waits."""

from collections import deque

from ..loop.hub import hub as _hub

from ws_python.loop.hub cimport Hub

cdef Hub hub = _hub

cdef enum:
    # That many messages that wait are enough to be busy with: what else there is waits in the system.
    MOST_WAITING = 2048
    # Events of one intake in a round before it waits behind all that have had less.
    SHARE = 64


class _Telling(deque):
    """A deque that calls `told` when something comes."""

    def __init__(self, intakes, told):
        super().__init__(intakes)
        self.told = told

    def append(self, intake):
        super().append(intake)
        self.told()


cdef class Waiting:
    """The intakes of one server or client."""

    def __init__(self):
        self.intakes = deque()
        self.behind = deque()
        self.max_unfinished = 1LL << 62

    def tell(self, told):
        """From now on call `told` each time that there is something to hand out: where nobody polls."""
        self.intakes = _Telling(self.intakes, told)
        self.behind = _Telling(self.behind, told)


cdef class Intake(Receiver):
    """Receives for one connection, from the end of the opening handshake on."""

    def __init__(self, owner, Waiting waiting not None, Outbox outbox not None, Meter meter not None, Py_ssize_t max_queued_bytes):
        self.owner = owner
        self.peer_id = 0
        self.waiting = waiting
        self.events = []
        self._outbox = outbox
        self._meter = meter
        self._most = max_queued_bytes

    # --- the link calls these

    cdef int lend(self) except -1:
        self.codec._lend()
        self.target = self.codec._target
        self.room = self.codec._room
        return 0

    cdef int received(self, Py_ssize_t size) except -1:
        cdef Meter meter = self._meter
        self.codec._received(size)
        meter.heard_at = hub.deadlines.now
        meter.read(size)
        meter.allowance -= size
        self.pass_on()
        return self._check_allowance(meter)

    cpdef ended(self):
        self.codec.receive_eof()
        self.pass_on()
        self.owner.input_ended()

    cpdef refused(self, str reason, bint retryable):
        self.owner.refused(reason, retryable)

    cpdef writable(self):
        hub.writers.add(self._outbox)

    # --- to the inbox

    cdef int pass_on(self) except -1:
        """Queue what the codec has."""
        cdef Codec codec = self.codec
        cdef Py_ssize_t size = codec.events_size
        cdef list events = codec.events_received()
        self._meter.parsed(codec)
        if self.layer is not None:
            self._pass_through_layer(events, size)
        elif events:
            self.put(events, size)
        if codec.unfinished != self._unfinished or codec.messages_begun != self._messages_begun:
            self._account(codec)
        if codec.queued():
            hub.writers.add(self._outbox)  # A pong, or a close frame.
        if not self.is_full and self.link.receiver is self and (
            codec.held or self.size > self._most or len(self.events) - self.next > MOST_WAITING or self.is_parked
        ):
            self.is_full = True
            self.link.pause()
            self._wait()  # Also where there is nothing to hand out yet: refill() goes on with what is held back.
        if not codec.is_open():
            self.owner.input_changed()
        return 0

    cpdef put(self, list events, Py_ssize_t size):
        """Queue events that take `size` bytes of memory."""
        if self.waiting is None:
            return
        if self.next == len(self.events):
            self.events = events
            self.next = 0
        else:
            self.events += events
        self.size += size
        self._wait()

    cdef int _pass_through_layer(self, list events, Py_ssize_t size) except -1:
        cdef Layer layer = self.layer
        if size or events:
            self.put(layer.receive(events), size)
        if self.owner is not None and (layer.outgoing or layer.error or self._outbox.is_full()):
            self.owner.layer_changed()
        return 0

    def put_first(self, list events, Py_ssize_t size):
        """Queue events before what waits; they take `size` bytes of memory that were not counted here yet."""
        if self.waiting is not None and events:
            self.events[self.next:self.next] = events
            self.size += size
            self._wait()

    def waiting_events(self):
        """What waits to be handed out. It goes on to wait."""
        return self.events[self.next:]

    def take(self):
        """Nothing more is handed out here: what waits, and its size, is for another one, which goes on in its place."""
        events, size = self.events[self.next:], self.size
        self.ignore()
        return events, size

    cdef int _wait(self) except -1:
        cdef Waiting waiting = self.waiting
        if self.is_waiting or self.is_parked or waiting is None:
            return 0
        self.is_waiting = True
        if self.round != waiting.round:
            self.round = waiting.round
            self.share = SHARE
        if self.share > 0:
            waiting.intakes.append(self)
        else:
            waiting.behind.append(self)
        return 0

    cdef int _account(self, Codec codec) except -1:
        cdef Waiting waiting = self.waiting
        cdef Py_ssize_t unfinished = codec.unfinished
        if codec.messages_begun != self._messages_begun:
            self._messages_begun = codec.messages_begun
            self.unfinished_since = hub.deadlines.now
        if waiting is not None:
            waiting.unfinished += unfinished - self._unfinished
        self._unfinished = unfinished
        if waiting is not None and unfinished and waiting.unfinished > waiting.max_unfinished:
            self.owner.overdrawn()
        return 0

    cdef int _check_allowance(self, Meter meter) except -1:
        # All of them at once: the sign of one is that of what they have in common.
        if (meter.allowance | meter.message_allowance | self.codec.control_allowance) < 0 and self.owner is not None:
            self.owner.overdrawn()
        return 0

    cdef bint refill(self) except -1:
        """All that waited was handed out: go on with what was held back. Whether there may be more to hand out."""
        self.events = []  # Nothing of it is kept.
        self.next = 0
        self.size = 0
        if not self.is_full or self.waiting is None or self.is_throttled:
            return False
        if self.codec is not None and self.codec.held:
            self.codec.resume()
            self.pass_on()
            self._check_allowance(self._meter)
            return True
        self.is_full = False
        if self.link is not None:
            self.link.resume()
        return False

    cpdef park(self):
        """Whoever is handed this out has enough: what waits, waits until `unpark`, and if it is too much reading pauses."""
        self.is_parked = True

    cpdef unpark(self):
        """Go on where `park` has stopped."""
        self.is_parked = False
        if self.next < len(self.events) or self.is_full:
            self._wait()

    def throttle(self):
        """Read nothing more, and parse nothing of what is held, until `unthrottle`. What came before is handed out."""
        if self.link is not None and self.link.receiver is self:
            self.is_throttled = True
            self.link.pause()

    def unthrottle(self):
        """Go on where `throttle` has stopped."""
        if not self.is_throttled:
            return
        self.is_throttled = False
        if self.link is None or self.link.receiver is not self:
            return
        if self.is_full:
            self._wait()  # Then refill() resumes.
        else:
            self.link.resume()

    @property
    def is_ignored(self):
        """Whether nobody is to be told of anything any more."""
        return self.waiting is None

    def ignore(self):
        """Hand out nothing any more: what waits is forgotten, and what comes is, too."""
        if self.waiting is not None:
            self.waiting.unfinished -= self._unfinished
        if self.codec is not None:
            self.codec.taker = None  # It knows this intake: no circle is left.
        self._unfinished = 0
        self.waiting = None
        self.events = []
        self.next = 0
        self.size = 0
        self.sink_state = None

    def discard(self):
        """The link is gone: forget it."""
        self.link = None

    def forget_owner(self):
        """Nothing is left to be told."""
        self.owner = None
        self.layer = None
