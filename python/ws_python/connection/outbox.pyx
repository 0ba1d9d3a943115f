# cython: language_level=3
"""The sending half of a connection: checks a message, queues it in the codec, and asks for one write per poll.

What send_latest() is given waits before the codec, by its key, where a newer message can still take its place. It is handed on
when the system has sent all that it took, for the queue in there counts, too; behind what send() was given until then. So BATCH
bytes of it, or one message, are on their way and cannot be replaced any more.
"""

from collections import OrderedDict

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8

from ..declare.errors import Error
from ..loop.hub import hub as _hub
from ..protocol.session import DLE as _DLE
from ..protocol.session import KEPT_OVERHEAD as _KEPT_OVERHEAD
from ..protocol.session import escaped

from ws_python.loop.hub cimport Hub
from ws_python.loop.writers cimport Writers
from ws_python.protocol.wire cimport TEXT

cdef Hub hub = _hub
cdef Writers writers = hub.writers
cdef object _OK = Error.OK
cdef object _ERR_CONNECTION_ERROR = Error.ERR_CONNECTION_ERROR
cdef object _ERR_UNAUTHORIZED = Error.ERR_UNAUTHORIZED
cdef object _ERR_UNAVAILABLE = Error.ERR_UNAVAILABLE
cdef object _ERR_ALREADY_IN_USE = Error.ERR_ALREADY_IN_USE
cdef object _ERR_BUSY = Error.ERR_BUSY
cdef object _ERR_OUT_OF_MEMORY = Error.ERR_OUT_OF_MEMORY
cdef object _ERR_INVALID_PARAMETER = Error.ERR_INVALID_PARAMETER
cdef object _ERR_INVALID_DATA = Error.ERR_INVALID_DATA

cdef enum:
    # What a frame adds to its payload at most: two bytes, an extended length, a mask (RFC 6455 section 5.2).
    FRAME_OVERHEAD = 14
    MAX_UTF8_BYTES = 4
    MAX_CONTROL_PAYLOAD = 125
    # From here on one system call is cheaper than one copy.
    UNCOPIED_SIZE = 32 * 1024
    # What of send_latest() is handed on in one go.
    BATCH = 4 * 1024
    # Keys that may wait: each takes some memory beside its message.
    MOST_KEYS = 4096

cdef enum:
    NOT_STALLED = 0
    #: A message was refused because the limit is reached.
    STALLED = 1
    #: There is room again; telling so waits in the inbox.
    DRAINED = 2

cdef Py_ssize_t KEPT_OVERHEAD = _KEPT_OVERHEAD
cdef int DLE = _DLE


cdef class Outbox(Writer):
    """Queues what is sent on one connection. All but long messages leave when `flush` is called, at a poll's end."""

    def __init__(self, owner, Meter meter not None, Py_ssize_t outbound_buffer_size):
        self._owner = owner
        self._meter = meter
        self._limit = outbound_buffer_size
        self._overhead = FRAME_OVERHEAD

    cpdef Py_ssize_t amount(self) except -1:
        """Bytes queued for sending that the operating system did not take yet."""
        if self.session is not None:
            return self.session.kept_size + self._latest_size + self._fragments_size
        return self.owed() + self._latest_size

    cpdef Py_ssize_t owed(self) except -1:
        """Those of them that wait for nothing but the link."""
        cdef Py_ssize_t amount = 0
        if self._handed_over is not None:
            if hub.is_foreign():
                amount = self._handed_over.size
            else:
                writers.settle()
        if self.codec is not None:
            amount += self.codec.queued()
        if self._unsent is not None:
            amount += len(self._unsent)
        if self.link is not None:
            amount += self.link.held()
        return amount

    # --- messages

    cpdef object send(self, object message):
        """Queue a message: str as text, bytes-like as binary."""
        if not (self.accepts or self.lasts) or hub.is_foreign():
            return self._refusal()
        if self._fragment_type is not None:
            return _ERR_ALREADY_IN_USE
        if self.supervisor is not None and isinstance(message, (str, bytes, bytearray, memoryview)):
            message = self.supervisor(self._owner, message)
            if message is None:
                return _ERR_UNAUTHORIZED
            if not (self.accepts or self.lasts):
                return self._refusal()  # It has closed the connection.
            if self._fragment_type is not None:
                return _ERR_ALREADY_IN_USE
        return self._send(message)

    cdef object _send(self, object message):
        cdef Py_ssize_t size
        if self.session is not None:
            return self._send_in_session(message)
        if isinstance(message, str):
            # A host may have kinds of text of its own, derived from str; the compiled code takes str itself only.
            text = message if type(message) is str else str(message)
            if not self._has_room_for_text(text):
                return self._refuse(len(text.encode("utf-8", "replace")))
            try:
                self.codec.send_text(text)
            except UnicodeEncodeError:
                return _ERR_INVALID_DATA
        elif isinstance(message, (bytes, bytearray, memoryview)):
            size = message.nbytes if isinstance(message, memoryview) else len(message)
            if not self._has_room(size):
                return self._refuse(size)
            if size < UNCOPIED_SIZE or not self._send_uncopied(message, size):
                self.codec.send_binary(message)
        else:
            return _ERR_INVALID_PARAMETER
        self._meter.messages_sent += 1
        writers.add(self)
        return _OK

    cdef bint queue(self, int opcode, const uchar* data, Py_ssize_t size) except -1:
        """Queue a message from memory, text as UTF-8. False: nothing was done, use send()."""
        if not self.accepts or hub.is_foreign() or self._fragment_type is not None or self.supervisor is not None:
            return False
        if self.session is not None:
            return self._queue_in_session(opcode, data, size)
        if size >= UNCOPIED_SIZE or not self._has_room(size):
            return False
        self.codec.send_message(opcode, data, size)
        self._meter.messages_sent += 1
        writers.add(self)
        return True

    cdef bint queue_in_room(self, int opcode, const uchar* data, Py_ssize_t size) noexcept nogil:
        """As queue(), without the GIL, on the thread that polls, behind others that are still to be flushed.

        False: nothing was done, use queue().
        """
        if (
            not self.accepts
            or not self._writing_soon
            or self._fragment_type is not None
            or self.supervisor is not None
            or self.session is not None
            or self._unsent is not None
            or self._handed_over is not None
            or self.link.is_blocked
            or size >= UNCOPIED_SIZE
            or not self.codec.queue_in_room(opcode, data, size, self._limit - self._latest_size - FRAME_OVERHEAD)
        ):
            return False
        self._meter.messages_sent += 1
        return True

    cpdef object send_prepared(self, PreparedMessage message):
        """Queue a message that was encoded for several connections."""
        if not (self.accepts or self.lasts) or hub.is_foreign():
            return self._refusal()
        if self._fragment_type is not None:
            return _ERR_ALREADY_IN_USE
        if not self._has_room(message.size):
            return self._refuse(message.size)
        if self.session is not None:
            return self._send_in_session(message)
        self.codec.send_prepared(message)
        self._meter.messages_sent += 1
        writers.add(self)
        return _OK

    def send_fragment(self, data, bint final):
        """Queue one fragment of a message (RFC 6455 section 5.4)."""
        if not (self.accepts or self.lasts) or hub.is_foreign():
            return self._refusal()
        fragment_type = str if isinstance(data, str) else bytes
        if not isinstance(data, (str, bytes, bytearray, memoryview)):
            return _ERR_INVALID_PARAMETER
        if self.supervisor is not None and self._fragment_type is None:
            return _ERR_UNAUTHORIZED  # It is to see whole messages.
        if self._fragment_type is not None and self._fragment_type is not fragment_type:
            return _ERR_INVALID_PARAMETER
        try:
            payload = data.encode() if isinstance(data, str) else data
        except UnicodeEncodeError:
            return _ERR_INVALID_DATA
        if not self._has_room(len(payload)):
            return self._refuse(len(payload))
        if self.session is not None:
            return self._collect(data, len(payload), final)
        self.codec.send_fragment(payload, first=self._fragment_type is None, fin=final, text=fragment_type is str)
        self._fragment_type = None if final else fragment_type
        self._meter.messages_sent += final
        writers.add(self)
        return _OK

    def ping(self, bytes payload not None):
        """Queue a ping."""
        if not self.accepts or hub.is_foreign():
            return self._refusal()
        if len(payload) > MAX_CONTROL_PAYLOAD:
            return _ERR_INVALID_PARAMETER
        if not self._has_room(len(payload)):
            return self._full(len(payload))
        self.codec.send_ping(payload)
        writers.add(self)
        return _OK

    cdef object _refusal(self):
        # On another thread, two could be in the middle of one message: compressing it lets others run.
        return _ERR_UNAVAILABLE if hub.is_foreign() else _ERR_CONNECTION_ERROR

    cdef bint _send_uncopied(self, object message, Py_ssize_t size) except -1:
        """Hand a long message that nobody can change to the link at once, from where it is. False if it cannot be."""
        cdef Codec codec = self.codec
        cdef const uchar* head
        cdef Py_ssize_t queued, taken
        self._settle()
        if self.link.is_blocked or self._unsent is not None:
            return False
        whole = message if isinstance(message, memoryview) else memoryview(message)
        if not whole.readonly or not whole.c_contiguous or not codec.send_binary_head(size):
            return False
        queued = codec.output(&head)
        taken = self.link.write_after(head, queued, whole)
        self._meter.wrote(taken, codec)
        before = codec.data_to_send()
        self._held_back = 0
        if taken < queued:
            self._unsent = memoryview(before[taken:] + whole)
        elif taken < queued + size:
            self._unsent = whole.cast("B")[taken - queued:]
        return True

    cdef bint _has_room(self, Py_ssize_t size) except -1:
        cdef Py_ssize_t pending
        if self.session is not None:
            return self.session.kept_size + self._latest_size + self._fragments_size + size + self._overhead <= self._limit
        self._settle()
        pending = self.codec.queued() + self._latest_size
        if self._unsent is not None:
            pending += len(self._unsent)
        if self.link.is_blocked:
            pending += self.link.held()
        return pending + size + FRAME_OVERHEAD <= self._limit

    cdef bint _has_room_for_text(self, str text) except -1:
        # Only near the limit is it worth knowing how long the text really is.
        if self._has_room(len(text) * MAX_UTF8_BYTES):
            return True
        return self._has_room(len(text.encode("utf-8", "replace")))

    # --- the newest of a key

    cpdef object send_latest(self, object key, object message):
        """As send(), or of a PreparedMessage; one of the same `key` that still waits is forgotten, and this takes its place."""
        cdef Py_ssize_t size = 0
        cdef Py_ssize_t before = 0
        if not (self.accepts or self.lasts) or hub.is_foreign():
            return self._refusal()
        if self.supervisor is not None and isinstance(message, (str, bytes, bytearray, memoryview)):
            message = self.supervisor(self._owner, message)
            if message is None:
                return _ERR_UNAUTHORIZED
            if not (self.accepts or self.lasts):
                return self._refusal()  # It has closed the connection.
        if isinstance(message, PreparedMessage):
            size = (<PreparedMessage>message).size
        elif isinstance(message, str):
            message = message if type(message) is str else str(message)
            try:
                PyUnicode_AsUTF8AndSize(message, &size)
            except UnicodeEncodeError:
                return _ERR_INVALID_DATA
        elif isinstance(message, (bytes, bytearray, memoryview)):
            message = bytes(message)  # It may change while it waits.
            size = len(message)
        else:
            return _ERR_INVALID_PARAMETER
        if self._latest is None:
            self._latest = OrderedDict()
        older = self._latest.get(key)
        if older is not None:
            before = older[1]
        elif len(self._latest) >= MOST_KEYS:
            return self._refuse(size)
        if size + self._overhead > before and not self._has_room(size - before):
            return self._refuse(size)
        self._latest[key] = (message, size + self._overhead)
        self._latest_size += size + self._overhead - before
        writers.add(self)
        return _OK

    cdef bint has_latest(self, object key) except -1:
        """Whether a message of that key waits to be replaced, or sent."""
        return self._latest is not None and key in self._latest

    cpdef bint lags(self) except -1:
        """Whether what is queued now waits for what was sent in earlier polls, or for a connection."""
        if not self.accepts:
            return self.lasts
        self._settle()
        return self._unsent is not None or self.link.lags()

    def leave(self):
        """A close frame comes next: what waits for its turn has it now, or never."""
        if self._latest_size:
            self._queue_latest(self._latest_size)
        self._forget_latest()

    cdef int _forget_latest(self) except -1:
        self._latest = None
        self._latest_size = 0
        return 0

    cdef Py_ssize_t _queue_latest(self, Py_ssize_t most) except -1:
        """Hand on messages of send_latest() to the codec, about `most` bytes, if it takes any now: how many bytes."""
        cdef Codec codec = self.codec
        cdef Py_ssize_t before = self._latest_size
        if self._fragment_type is not None or not codec.is_open():
            return 0
        while self._latest and most > 0:
            message, size = self._latest.popitem(last=False)[1]
            self._latest_size -= size
            most -= size
            if self.session is not None:
                self._send_in_session(message)
                continue
            self._write_message(message)
            self._meter.messages_sent += 1
        self._held_back = min(self._held_back, self._latest_size)
        return before - self._latest_size

    # --- in a session

    def join(self, session, *, bint lasts):
        """From now on what is sent is kept in a session; with `lasts`, also while there is no connection."""
        self.session = session
        self.lasts = lasts
        self._overhead = KEPT_OVERHEAD
        self._limit = min(self._limit, session.buffer_size)

    def part(self):
        """The session is over, or the other side knows none."""
        self.session = None
        self.lasts = False

    def keep_latest(self):
        """What send_latest() was given is replaced no more, and kept as what send() was given."""
        while self.session is not None and self._latest:
            message, size = self._latest.popitem(last=False)[1]
            self._latest_size -= size
            self._send_in_session(message)

    def take_over(self, Outbox before not None):
        """Of the connection before this one in the session: what waits to be replaced, and who waits for room."""
        self._latest, before._latest = before._latest, None
        self._latest_size, before._latest_size = before._latest_size, 0
        self._fragments, before._fragments = before._fragments, None
        self._fragments_size, before._fragments_size = before._fragments_size, 0
        self._fragment_type, before._fragment_type = before._fragment_type, None
        self._stall, self._drained_at = (NOT_STALLED if before._stall == NOT_STALLED else STALLED), before._drained_at
        before.lasts = False

    def put_messages(self, list messages):
        """Queue what is on the wire as it is here: a session's, sent again, and what the layer itself says."""
        if self.codec is None or not self.codec.is_open():
            return  # They are sent on the next connection.
        for message in messages:
            self._write_message(message)
        writers.add(self)

    cdef bint is_full(self) noexcept:
        """Whether a message was refused, and somebody is to be told when there is room again."""
        return self._stall == STALLED

    def make_room(self):
        """The other side has more: perhaps there is room again."""
        if self._stall == STALLED:
            writers.add(self)

    def send_layer(self, message):
        """Queue a message of the layer (protocol/session.py: LayerMessage), kept where it is a counted one."""
        if self.session is None:
            return _ERR_UNAVAILABLE
        if not (self.accepts or self.lasts) or hub.is_foreign():
            return self._refusal()
        wire = message.pack()
        if not message.is_counted:
            if self.session.is_attached:
                self.put_messages([wire])
            return _OK
        if not self._has_room(len(wire)):
            return self._full(len(wire))
        return self._put_in_session(wire, len(wire))

    cdef object _send_in_session(self, object message):
        cdef Py_ssize_t size = 0
        cdef const char* data = NULL
        if isinstance(message, str):
            message = message if type(message) is str else str(message)
            try:
                data = PyUnicode_AsUTF8AndSize(message, &size)
            except UnicodeEncodeError:
                return _ERR_INVALID_DATA
        elif isinstance(message, PreparedMessage):
            message = (<PreparedMessage>message).escaped()
            size = (<PreparedMessage>message).size
        elif isinstance(message, (bytes, bytearray, memoryview)):
            if type(message) is not bytes:
                message = bytes(message)  # It may change while it is kept.
            data = PyBytes_AS_STRING(message)
            size = len(<bytes>message)
        else:
            return _ERR_INVALID_PARAMETER
        if not self._has_room(size):
            return self._refuse(size)
        self._meter.messages_sent += 1
        if data != NULL and size and data[0] == DLE:
            message = escaped(message)
        return self._put_in_session(message, size)

    cdef bint _queue_in_session(self, int opcode, const uchar* data, Py_ssize_t size) except -1:
        cdef object message
        if (size and data[0] == DLE) or size >= UNCOPIED_SIZE or not self._has_room(size):
            return False
        message = PyUnicode_DecodeUTF8(<const char*>data, size, NULL) if opcode == TEXT else (<const char*>data)[:size]
        if self.session.send(message, size) is not None:
            self.codec.send_message(opcode, data, size)
            writers.add(self)
        self._meter.messages_sent += 1
        return True

    cdef object _put_in_session(self, object wire, Py_ssize_t size):
        wire = self.session.send(wire, size)
        if wire is not None and self.codec is not None and self.codec.is_open():
            self._write_message(wire)
            writers.add(self)
        return _OK

    def _collect(self, data, Py_ssize_t size, bint final):
        """A fragment of a message, which can be kept only when it is whole."""
        if self._fragments is None:
            self._fragments = []
        self._fragments.append(data if isinstance(data, str) else bytes(data))
        self._fragments_size += size
        if not final:
            self._fragment_type = str if isinstance(data, str) else bytes
            return _OK
        whole = ("" if isinstance(data, str) else b"").join(self._fragments)
        self._fragments = self._fragment_type = None
        self._fragments_size = 0
        return self._send_in_session(whole)

    cdef int _write_message(self, object message) except -1:
        if isinstance(message, PreparedMessage):
            self.codec.send_prepared(message)
        elif isinstance(message, str):
            self.codec.send_text(message)
        elif len(message) < UNCOPIED_SIZE or not self._send_uncopied(message, len(message)):
            self.codec.send_binary(message)
        return 0

    # --- the limit

    cdef object _refuse(self, Py_ssize_t size):
        """As _full(), of a message of the user's."""
        self._meter.refuse()
        return self._full(size)

    cdef object _full(self, Py_ssize_t size):
        """A message of that size does not fit now, or never does: the error for it."""
        cdef Py_ssize_t left = self._limit - size - self._overhead
        if left < 0:
            return _ERR_OUT_OF_MEMORY
        if self._stall == NOT_STALLED:
            self._stall = STALLED
            self._drained_at = self._limit // 2
            if self._owner is not None:  # Else there is no connection, and its session fills up.
                self._owner.stalled()
        self._drained_at = min(self._drained_at, left)
        return _ERR_BUSY

    cdef bint _is_drained(self) except -1:
        """Whether half of the limit is free, and there is room for what was refused."""
        return self.amount() <= self._drained_at and (self._latest is None or len(self._latest) <= MOST_KEYS // 2)

    def end_stall(self):
        """Told before the user is told that there is room again. False: meanwhile there is not, and it is told later."""
        if self._stall != DRAINED or not self.accepts:
            return False
        self._stall = NOT_STALLED if self._is_drained() else STALLED
        return self._stall == NOT_STALLED

    # --- bytes

    def put(self, data):
        """Queue bytes that are no frame, before all frames: those of the opening handshake."""
        if data:
            self._settle()
            self._unsent = memoryview(data if self._unsent is None else bytes(self._unsent) + data)
            writers.add(self)

    def tell_written(self):
        """From now on call the owner's `written()` when all that is queued was taken: at the end of a flush."""
        self._tells_written = True
        if not self.lasts:
            self._forget_latest()  # The codec takes no messages any more.
        writers.add(self)

    def discard(self):
        """Forget what was not taken: the link is gone."""
        self._settle()
        if self.lasts:
            self._meter.all_taken()  # The session has it.
        self._meter.lose()
        self._unsent = None
        if not self.lasts:
            self._forget_latest()
        if self.codec is not None:
            self.codec.data_to_send()
        self._tells_written = False
        self.link = None

    def forget_owner(self):
        """Nothing is left to be told."""
        self._owner = None

    cpdef flush(self):
        """Hand everything queued to the link in one write, as soon as it takes more."""
        self._flush()
        if self._stall == STALLED and self.accepts and self._is_drained():
            self._stall = DRAINED
            self._owner.drained()

    cdef int _flush(self) except -1:
        cdef Codec codec = self.codec
        cdef bint is_clear = False
        self._settle()
        if self.link is None:
            return 0
        if self.link.is_blocked:
            return self._hold_back()
        if self._latest_size:
            is_clear = self.link.is_clear()  # Before anything else is written: that shall not keep it waiting for ever.
            if not is_clear:
                self._hold_back()
                if self.link is None:
                    return 0
        if self._unsent is not None and not self._write_unsent():
            return self._hold_back()
        if codec is not None:
            if is_clear:
                self._queue_latest(BATCH)
            if self._write_output(codec) and is_clear:
                while self._latest_size and self._queue_latest(BATCH if self.link.is_clear() else 0):
                    self._write_output(codec)
            if self.accepts and not codec.is_open():
                self._owner.output_changed()  # That was the last chance to answer what came before a failure.
        if self._unsent is not None:
            return self._hold_back()
        if not self.link.is_broken and (codec is None or not codec.queued()):
            self._meter.all_taken()
        if self._tells_written:
            self._tells_written = False
            self._owner.written()
        return 0

    cdef bint hand_over(self, Writers writers) except -1:
        """See Writer: where there is nothing more to it than to send what the codec has."""
        cdef Codec codec = self.codec
        cdef Link link = self.link
        cdef BytesBuilder following
        cdef const uchar* data
        cdef Py_ssize_t size
        if (
            link is None or not link.hands_over or link.is_blocked or codec is None or not self.accepts
            or self._unsent is not None or self._latest_size or self._tells_written or self._stall == STALLED
        ):
            return False
        size = codec.output(&data)
        if not size or not codec.is_open():  # It may close by that: flush() tells the owner.
            return False
        following = BytesBuilder()
        link.hand_over(writers, data, size)
        self._handed_over = codec.replace_output(following)
        return True

    cdef int settled(self, Py_ssize_t sent) except -1:
        cdef BytesBuilder given = self._handed_over
        cdef Link link = self.link  # As it was: before it changes, or is forgotten, this is settled.
        cdef Py_ssize_t size = given.size
        cdef Py_ssize_t taken
        self._handed_over = None
        taken = link.settled(sent, size)
        self._meter.wrote(taken, self.codec)
        if taken < size:
            self._unsent = memoryview(given.take())[taken:]
            self._held_back = 0
            writers.add(self)
            return 0
        given.clear()
        if not link.is_broken and not self.codec.queued():
            self._meter.all_taken()
        return 0

    cdef int _settle(self) except -1:
        """Before it is asked what waits, and before anything else is written: what was handed over is sent first."""
        if self._handed_over is not None:
            writers.settle()
        return 0

    cdef int _hold_back(self) except -1:
        """Something waits for the link: have the meter count by how much that is more than the last time.

        The owner may drop the connection meanwhile. Where the link takes everything, nothing is counted.
        """
        cdef Py_ssize_t grown
        if not self.accepts:
            return 0
        grown = self.amount() - self._held_back
        self._held_back += grown
        if grown > 0 and self._meter.hold_back(grown):
            self._owner.overdrawn()
        return 0

    cdef bint _write_output(self, Codec codec) except -1:
        """Whether all that the codec has was taken."""
        cdef const uchar* data
        cdef Py_ssize_t taken
        cdef Py_ssize_t size = codec.output(&data)
        if not size:
            return True
        taken = self.link.write_memory(data, size)
        self._meter.wrote(taken, codec)
        if taken == size:
            codec.forget_output()
        else:
            self._unsent = memoryview(codec.data_to_send())[taken:]
            self._held_back = 0  # What waited in front was taken.
        if codec.queued():
            writers.add(self)  # A pong that was owed until there was room.
        return taken == size

    cdef bint _write_unsent(self) except -1:
        """Whether all of it was taken."""
        cdef Py_ssize_t taken = self.link.write(self._unsent)
        self._meter.wrote(taken, self.codec)
        if taken < len(self._unsent):
            self._unsent = self._unsent[taken:]
            return False
        self._unsent = None
        return True
