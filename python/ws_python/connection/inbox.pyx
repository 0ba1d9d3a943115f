# cython: language_level=3
"""The way in: what arrived at the connections of one server or client is handed out by its poll, in turn.

Each connection hands out some, and then the next one: whoever sends much keeps nobody waiting. In a round each has a share,
and those that have not used it up come first, so that who says little is heard at once; the round is over when each of the
others has had one more turn. Within a connection everything comes in order.

What is handed out is taken away before, and which connection it is the turn of is shared: so a handler may poll; the inner
delivery goes on where the outer one is, and nothing comes twice or out of order.
"""

from ws_python.loop.clock import monotonic
from ws_python.loop.hub import hub as _hub

from ws_python.loop.hub cimport Hub

cdef Hub hub = _hub

cdef enum:
    # How deep polls in handlers may nest in one another; each level takes some of the thread's stack.
    MOST_NESTED = 16
    # Events of one connection before others have their turn.
    TURN = 16
    # The clock is asked when that many were handed out. Parsing on what was held back counts as so many, too.
    EVENTS_PER_CLOCK = 32


cdef class Sink:
    """Whom messages are told: the events of a server or client, or what a host has in their place."""

    cpdef message(self, Intake source, object message):
        """Tell of one message, str or bytes. It may be the last: a handler can stop everything."""
        raise NotImplementedError

    cpdef settle(self):
        """Tell whatever is still to be told of the messages so far: something else comes next."""


cdef class PeerSink(Sink):
    """Tells the server of each message, and then the peer that sent it.

    A server's handler may poll, and so bring the next message: the peer is told of the first one before.
    """

    def __init__(self):
        # The message that the server was told of and the peer was not yet, and its connection.
        self._owed = ""
        # Called before anything else is told: a peer is still to be announced.
        self.announce = None

    cpdef message(self, Intake source, object message):
        self.settle()
        self._owing = source
        self._owed = message
        self.tell_server(source, message)
        self.settle()

    cpdef settle(self):
        cdef Intake owing = self._owing
        cdef object owed = self._owed
        if self.announce is not None:
            announce, self.announce = self.announce, None
            announce()
        if owing is None:
            return
        self._owing = None
        self._owed = ""
        if owing.peer is not None:  # The handler did not stop the server.
            self.tell_peer(owing, owed)

    cpdef tell_server(self, Intake source, object message):
        """Tell the server's user."""
        raise NotImplementedError

    cpdef tell_peer(self, Intake source, object message):
        """Tell the peer's user."""
        raise NotImplementedError


cdef class Inbox(Consumer):
    """Messages are told to `sink`; what else happened tells itself to `listener()`, if that is still there."""

    def __init__(self, Sink sink not None, listener):
        self.waiting = Waiting()
        self.sink = sink
        self._listener = listener

    cpdef bint is_empty(self) except -1:
        return self._current is None and not self.waiting.intakes and not self.waiting.behind

    cpdef deliver(self, double until):
        """See Consumer. Nested too deep, it leaves that to the deliveries that are under way."""
        if self._nested == MOST_NESTED or self.is_held:
            return
        self._nested += 1
        try:
            self._deliver(until)
        finally:
            self._nested -= 1

    cdef _deliver(self, double until):
        cdef int since_clock = 0
        cdef Intake intake
        if not self.waiting.behind:
            self.waiting.round += 1
            self.waiting.turns = 0
        while True:
            intake = self._current
            if intake is None or self._left <= 0:
                if since_clock >= EVENTS_PER_CLOCK:
                    since_clock = 0
                    if monotonic() >= until:
                        hub.is_behind = True
                        self._put_back()
                        return
                intake = self._turn_to_next()
                if intake is None:
                    return
            if intake.next < len(intake.events):
                event = intake.events[intake.next]
                intake.events[intake.next] = None  # A long message is not kept until the next one comes.
                intake.next += 1
                self._left -= 1
                since_clock += 1
                if type(event) is bytes or type(event) is str:
                    self.sink.message(intake, event)
                else:
                    self.sink.settle()
                    if (listener := self._listener()) is not None:
                        if event.tell(listener, intake.owner):  # It says that it may have taken long.
                            since_clock = EVENTS_PER_CLOCK
            elif intake.refill():
                since_clock += EVENTS_PER_CLOCK
                self._left = intake.share = 0
            else:
                intake.is_waiting = False
                intake.share += self._left
                self._current = None

    cdef int _put_back(self) except -1:
        """Have the current intake, whose turn is over, wait for the next one."""
        if self._current is not None and self._current.is_parked:
            self._current.is_waiting = False
            self._current = None
        elif self._current is not None:
            (self.waiting.intakes if self._current.share > 0 else self.waiting.behind).append(self._current)
            self._current = None
        return 0

    cdef Intake _turn_to_next(self):
        """As _put_back(), and turn to the first of the others. None: nobody has anything."""
        cdef Waiting waiting = self.waiting
        self._put_back()
        if waiting.intakes:
            self._current = waiting.intakes.popleft()
            self._left = min(self._current.share, TURN)
            self._current.share -= self._left
        elif waiting.behind:
            if waiting.turns == 0:
                waiting.round += 1
                waiting.turns = len(waiting.behind)
            waiting.turns -= 1
            self._current = waiting.behind.popleft()
            self._current.round = waiting.round
            self._left = TURN
        return self._current
