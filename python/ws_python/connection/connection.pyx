# cython: language_level=3
"""One connection, from the accepted socket or the wish to connect to its end: what keeps its parts together.

Rules: nothing here calls a user's code. Bytes go from the link into the codec's own buffer, events from the codec into the
intake, without a task, a future or a queue object per message. Writes are collected in the outbox and leave once per poll.
`link` and its parts are in one phase at a time (phase.py), and `move_to` changes it.
"""

import logging

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize

from ws_python.net.link cimport uchar

from ..loop.collector import collector
from ..loop.hub import hub
from ..declare.checks import FULL
from ..protocol.close_codes import NO_CLOSE_CODE, PROTOCOL_ERROR
from ..protocol.session import MAX_OVERHEAD
from .happenings import Drained, Failed, Opened
from .phase import READY_STATES, TRANSITIONS, Phase

_log = logging.getLogger("ws_python")

cdef enum:
    RECEIVE_SIZE = 16 * 1024

# Handshakes are received into this one, and what nobody wants: what is in it was copied before anything else can be received.
cdef bytearray shared_buffer = bytearray(RECEIVE_SIZE)

cdef str HANDSHAKE_TIMED_OUT = "the other side did not finish the opening handshake in time"

cdef object CONNECTING = Phase.CONNECTING
cdef object OPENING = Phase.OPENING
cdef object OPEN = Phase.OPEN
cdef object CLOSING = Phase.CLOSING
cdef object ENDING = Phase.ENDING
cdef object GONE = Phase.GONE


cdef class Connection(Receiver):
    """`keeper` is the server or client that it belongs to: its settings count (settings.py), and it is told `_overdrawn`.

    Opening may take `timeout` seconds; `timed_out` says it where not even the TCP connection came to be. Receives for itself during the opening handshake, and again when nobody wants to know any more what comes.
    """

    def __init__(self, keeper, handshake, inbox, *, bint server, double timeout, str timed_out=""):
        self.handshake = handshake
        self.is_server = server
        self.host = ""
        self.close_code = NO_CLOSE_CODE
        self.close_reason = ""
        self.phase = CONNECTING
        self.meter = Meter(keeper._meter)
        self.outbox = Outbox(self, self.meter, keeper.outbound_buffer_size)
        self.intake = Intake(self, inbox.waiting, self.outbox, self.meter, keeper.max_queued_bytes)
        self._keeper = keeper
        self._close_timeout = keeper.close_timeout
        self._timed_out = timed_out
        self._deadline = hub.deadlines.of_answer(timeout, self._opening_timed_out)
        hub.opening += 1
        collector.opened()

    def move_to(self, phase):
        """Go on to another phase: the one place where that is done."""
        if phase not in TRANSITIONS[self.phase]:
            raise RuntimeError(f"a connection cannot go from {self.phase.name} to {phase.name}")
        if phase > OPENING and self.phase <= OPENING:
            hub.opening -= 1
            if self.later is not None:
                later, self.later = self.later, None
                later.over()
        self.phase = phase
        self.outbox.accepts = phase is OPEN
        if phase > OPEN and self.layer is not None:
            self.layer.leave()

    @property
    def ready_state(self):
        """Where the connection is on its way from opening to closed, as Godot's WebSocketPeer tells it.

        One that is cut, and whose session lasts, is open as before.
        """
        return READY_STATES[OPEN if self.outbox.lasts else self.phase]

    # --- opening

    def attach(self, Link link not None):
        """The TCP connection (and TLS) is there: shake hands."""
        if self.phase is not CONNECTING:
            link.drop()  # It was given up in the meantime.
            return
        self.connecting = None
        self.link = self.outbox.link = self.intake.link = link
        self.host, self.port = link.host, link.port
        link.receiver = self
        self.move_to(OPENING)
        self.outbox.put(self.handshake.data_to_send())
        self.outbox.flush()

    def underlay(self, make):
        """Have `make` lay another link in place of the lowest, see Link. Nothing, where there is no link."""
        if self.link is not None:
            hub.writers.settle()  # What lies over another link begins with what is known of that.
            self.link = self.outbox.link = self.intake.link = self.link.underlay(make)

    cdef int lend(self) except -1:
        self.target = <uchar*>PyByteArray_AS_STRING(shared_buffer)
        self.room = RECEIVE_SIZE
        return 0

    cdef int received(self, Py_ssize_t size) except -1:
        if self.phase is OPENING and size > 0:
            self._receive_handshake(PyBytes_FromStringAndSize(<const char*>self.target, size))
        elif size > 0 and self.link is not None and self.link.receiver is self.intake:
            # One read brought the handshake and more than fits here: the rest is handed on in further parts.
            self.intake.receive(PyBytes_FromStringAndSize(<const char*>self.target, size))
        return 0

    cpdef ended(self):
        if self.phase is OPENING:
            self.handshake.receive_eof()
            self._conclude_handshake()
        else:
            self.input_ended()

    cpdef refused(self, str reason, bint retryable):
        if self.phase is OPENING:
            self.handshake.error = reason
            self.fail(reason, retryable)
        elif self.phase in (OPEN, CLOSING):
            if self._keeper is not None:
                self._keeper._count("closed_link_refused")
            self.drop(reason)
        else:
            self.input_ended()

    cpdef writable(self):
        hub.writers.add(self.outbox)

    def _receive_handshake(self, bytes data):
        self.handshake.receive_data(data)
        self._conclude_handshake()

    def answer(self, refusal):
        """Answer the request that was read: None to accept it, or an Answer (features/feature.py)."""
        if refusal is None:
            self.handshake.accept()
        else:
            self.handshake.refuse(*refusal)
        self._conclude_handshake()

    def _conclude_handshake(self):
        handshake = self.handshake
        if self.is_server and not self._is_asked and handshake.request_read:
            self._is_asked = True
            self._keeper._admit(self)
            return
        if self.phase is not OPENING:
            return
        self.outbox.put(handshake.data_to_send())
        if handshake.error:
            self.fail(handshake.error, handshake.retryable)
        elif handshake.done:
            self._open(handshake.leftover)

    def _open(self, bytes leftover):
        self._stop_deadline()
        self.codec = self.outbox.codec = self.intake.codec = Codec(
            server=self.is_server,
            max_message_size=self._keeper.max_message_size + (MAX_OVERHEAD if self.handshake.has_layer else 0),
            deflate=self.handshake.deflate,
            max_fragments=self._keeper.max_fragments,
            max_ratio=self._keeper.max_compression_ratio,
        )
        self.meter.heard_at = hub.deadlines.now
        self.move_to(OPEN)
        self.link.receiver = self.intake
        self.intake.put([Opened()], 0)
        if self.handshake.has_layer:
            self.layer = self.intake.layer = self._keeper._new_layer(self)
            self.layer_changed()
        if leftover:
            self.intake.receive(leftover)

    def fail(self, str reason, bint retryable):
        """The connection did not come to be. What the handshake has answered is still sent."""
        if self.phase not in (CONNECTING, OPENING):
            return
        self.handshake.done = True
        self.intake.put([Failed(reason, retryable)], 0)
        if self.link is None:
            self.drop()
        else:
            self._end()

    def _opening_timed_out(self):
        if self.later is not None:
            self.answer(self.later.timed_out())
            return
        reason = self._timed_out if self.phase is CONNECTING else HANDSHAKE_TIMED_OUT
        self.fail(reason, True)
        self.drop()

    # --- in a session

    def carry(self, session, welcome, int buffer):
        """A server: answer the hello. From now on this connection carries the session."""
        self.outbox.join(session, lasts=True)
        self.intake.put_first(self.layer.welcome(session, welcome, buffer), 0)
        self.layer_changed()

    def layer_changed(self):
        """The session layer has heard something, or is to say something."""
        layer = self.layer
        if layer is None:
            return
        if layer.outgoing:
            outgoing, layer.outgoing = layer.outgoing, []
            self.outbox.put_messages(outgoing)
        self.outbox.make_room()
        if layer.error:
            error, layer.error = layer.error, ""
            self.outbox.lasts = False
            self.give_up(PROTOCOL_ERROR, error)

    # --- what the parts tell

    def output_changed(self):
        """The codec has closed while it gave what it had queued: it has failed, and said so."""
        if self.phase is OPEN:
            self.move_to(CLOSING)
            self._start_close_deadline()

    def input_changed(self):
        """The codec is closing or closed, and something came."""
        if self.codec.close_code != NO_CLOSE_CODE and self.phase in (OPEN, CLOSING):
            self._note_close()
            self._end()

    def input_ended(self):
        """Nothing more comes from the link."""
        if self.codec is not None and self.codec.held:
            return  # What came before is still to be handed out: then input_changed() follows.
        if self.phase in (OPEN, CLOSING):
            self._note_close()
            self._end()
        if self.phase is ENDING:
            self.outbox.tell_written()  # Then it is dropped.

    def overdrawn(self):
        """More came than was allowed."""
        if self._keeper is not None:
            self._keeper._overdrawn(self)

    def written(self):
        """All that was queued was taken."""
        if self.link is None:
            return
        if self.link.is_ended:
            self.drop()
        elif self.is_server or self.codec is None:
            # RFC 6455 section 7.1.1: the server ends the TCP connection first, the client waits for that for a while. A
            # half-close lets the other side read our last frame even if bytes of its own are still on the way.
            self.link.half_close()

    def stalled(self):
        """As much waits as may: a message was refused."""
        self.complain_again(FULL)
        if self._keeper is not None:
            self._keeper._count("outbound_buffer_full")

    def drained(self):
        """There is room again."""
        self.intake.put([Drained()], 0)

    # --- the end

    def close(self, int code, str reason):
        """Start the closing handshake (RFC 6455 section 7.1.2). It is given `close_timeout` seconds."""
        self.outbox.lasts = False
        if self.phase is OPEN:
            self.outbox.leave()
            self._close(code, reason)

    def interrupt(self, int code, str reason):
        """As close(), but a session goes on with the next connection, and what may still be replaced waits for that."""
        if self.phase is not OPEN:
            return
        if not self.outbox.lasts:
            self.outbox.leave()
        self._close(code, reason)

    def _close(self, int code, str reason):
        self.codec.send_close(code, reason)
        if self.codec.close_code != NO_CLOSE_CODE:
            self._note_close()
            self._end()  # The other side has broken the protocol meanwhile.
            return
        self.move_to(CLOSING)
        self._start_close_deadline()
        hub.writers.add(self.outbox)

    def finish(self):
        """The last event, Closed or Failed, is delivered. Until then what came before can be answered, if the codec allows."""
        self._note_close()
        if self.phase in (OPEN, CLOSING):
            self._end()
        self._keeper = None
        self._open_circle()

    def give_up(self, int code, str reason):
        """The other side broke a rule of ours: close with that code, and tell as usual."""
        if self.phase in (OPEN, CLOSING):
            self.codec.fail(code, reason)
            self.intake.pass_on()

    def abandon(self, int code, str reason):
        """Say goodbye and end on its own: nobody will be told anything more."""
        self._keeper = None
        self.outbox.lasts = False
        self.intake.ignore()
        if self.phase is GONE:
            self._open_circle()
            return
        if self.codec is None or self.link is None:
            self.drop()
            return
        if self.close_code == NO_CLOSE_CODE:
            self.close_code = code
            self.close_reason = reason
        self.link.receiver = self
        self.link.resume()
        self.close(code, reason)
        if self.phase is CLOSING:
            self._end()

    def drop(self, str reason=""):
        """End the TCP connection; what was not taken is lost. One that was open is told 1006, and `reason`."""
        if self.phase is GONE:
            return
        connecting, self.connecting = self.connecting, None
        if connecting is not None:
            connecting.cancel()
        if self.codec is not None and self.phase in (OPEN, CLOSING):
            self.codec.receive_eof()
            self.intake.pass_on()
            self._note_close()
            self.close_reason = self.close_reason or reason
        if self.phase is GONE:
            return
        if self.phase in (CONNECTING, OPENING):
            self.handshake.done = True
        self.move_to(GONE)
        self._stop_deadline()
        link, self.link = self.link, None
        self.outbox.discard()
        self.intake.discard()
        if link is not None:
            link.drop()
        hub.part(self)
        collector.closed()
        when_gone, self.when_gone = self.when_gone, None
        if when_gone is not None:
            when_gone(self)
        self._tell_complaints()
        self._open_circle()

    def _open_circle(self):
        """Let the parts forget their connection when nothing is left to be told: so it is freed at once."""
        if self.phase is GONE and self._keeper is None:
            self.outbox.forget_owner()
            self.intake.forget_owner()

    def _end(self):
        """The WebSocket connection is over, or never was: send what is queued, and end the TCP connection."""
        self.move_to(ENDING)
        self.link.receiver = self
        self.link.resume()
        self._start_close_deadline()
        self.outbox.tell_written()
        hub.linger(self)  # Nobody may poll any more, and the process may end.

    def _note_close(self):
        if self.close_code == NO_CLOSE_CODE and self.codec is not None and self.codec.close_code != NO_CLOSE_CODE:
            self.close_code = self.codec.close_code
            self.close_reason = self.codec.close_reason

    def _start_close_deadline(self):
        self._stop_deadline()
        self._deadline = hub.deadlines.of_answer(self._close_timeout, self._close_timed_out)

    def _close_timed_out(self):
        if self.phase is CLOSING and self._keeper is not None:
            self._keeper._count("closed_without_answer")
        self.drop()

    def _stop_deadline(self):
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # --- complaints

    def complain(self, str cause, str message, *arguments):
        """Log an error that this other side causes: once for each cause, and at the end how often it came."""
        if self._complaints is None:
            self._complaints = {}
        count = self._complaints[cause] = self._complaints.get(cause, 0) + 1
        if count == 1 or cause == self._complains_again_of:
            self._complains_again_of = None
            self._complained_at = hub.deadlines.now
            _log.error(message, *arguments)

    def complain_again(self, str cause):
        """It begins anew: log the next complaint of it, too, but no more than one in a second."""
        if hub.deadlines.now - self._complained_at >= 1.0:
            self._complains_again_of = cause

    def _tell_complaints(self):
        for cause, count in (self._complaints or {}).items():
            if count > 1:
                _log.error("%s: %d times in all, to %s, port %d", cause, count, self.host, self.port)
        self._complaints = None
