# cython: language_level=3
"""The sending half of a connection: checks a message, queues it in the codec, and asks for one write per poll."""

from ..declare.errors import Error
from ..loop.hub import hub as _hub

from ws_python.loop.hub cimport Hub
from ws_python.loop.writers cimport Writers

cdef Hub hub = _hub
cdef Writers writers = hub.writers
cdef object _OK = Error.OK
cdef object _ERR_CONNECTION_ERROR = Error.ERR_CONNECTION_ERROR
cdef object _ERR_UNAUTHORIZED = Error.ERR_UNAUTHORIZED
cdef object _ERR_UNAVAILABLE = Error.ERR_UNAVAILABLE
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


cdef class Outbox(Writer):
    """Queues what is sent on one connection. All but long messages leave when `flush` is called, at a poll's end."""

    def __init__(self, owner, Meter meter not None, Py_ssize_t outbound_buffer_size):
        self._owner = owner
        self._meter = meter
        self._limit = outbound_buffer_size

    cpdef Py_ssize_t amount(self) except -1:
        """Bytes queued for sending that the operating system did not take yet."""
        cdef Py_ssize_t amount = 0
        if self.codec is not None:
            amount = self.codec.queued()
        if self._unsent is not None:
            amount += len(self._unsent)
        if self.link is not None:
            amount += self.link.held()
        return amount

    # --- messages

    cpdef object send(self, object message):
        """Queue a message: str as text, bytes-like as binary."""
        if not self.accepts or hub.is_foreign():
            return self._refusal()
        if self._fragment_type is not None:
            return _ERR_BUSY
        if self.supervisor is not None and isinstance(message, (str, bytes, bytearray, memoryview)):
            message = self.supervisor(self._owner, message)
            if message is None:
                return _ERR_UNAUTHORIZED
            if not self.accepts:
                return self._refusal()  # It has closed the connection.
            if self._fragment_type is not None:
                return _ERR_BUSY
        return self._send(message)

    cdef object _send(self, object message):
        cdef Py_ssize_t size
        if isinstance(message, str):
            # A host may have kinds of text of its own, derived from str; the compiled code takes str itself only.
            text = message if type(message) is str else str(message)
            if not self._has_room_for_text(text):
                return _ERR_OUT_OF_MEMORY
            try:
                self.codec.send_text(text)
            except UnicodeEncodeError:
                return _ERR_INVALID_DATA
        elif isinstance(message, (bytes, bytearray, memoryview)):
            size = message.nbytes if isinstance(message, memoryview) else len(message)
            if not self._has_room(size):
                return _ERR_OUT_OF_MEMORY
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
        if size >= UNCOPIED_SIZE or not self._has_room(size):
            return False
        self.codec.send_message(opcode, data, size)
        self._meter.messages_sent += 1
        writers.add(self)
        return True

    cpdef object send_prepared(self, PreparedMessage message):
        """Queue a message that was encoded for several connections."""
        if not self.accepts or hub.is_foreign():
            return self._refusal()
        if self._fragment_type is not None:
            return _ERR_BUSY
        if not self._has_room(message.size):
            return _ERR_OUT_OF_MEMORY
        self.codec.send_prepared(message)
        self._meter.messages_sent += 1
        writers.add(self)
        return _OK

    def send_fragment(self, data, bint final):
        """Queue one fragment of a message (RFC 6455 section 5.4)."""
        if not self.accepts or hub.is_foreign():
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
            return _ERR_OUT_OF_MEMORY
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
            return _ERR_OUT_OF_MEMORY
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
        if self.link.is_blocked or self._unsent is not None:
            return False
        whole = message if isinstance(message, memoryview) else memoryview(message)
        if not whole.readonly or not whole.c_contiguous or not codec.send_binary_head(size):
            return False
        queued = codec.output(&head)
        taken = self.link.write_after(head, queued, whole)
        self._meter.bytes_sent += taken
        before = codec.data_to_send()
        if taken < queued:
            self._unsent = memoryview(before[taken:] + whole)
        elif taken < queued + size:
            self._unsent = whole.cast("B")[taken - queued:]
        return True

    cdef bint _has_room(self, Py_ssize_t size) except -1:
        cdef Py_ssize_t pending = self.codec.queued()
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

    # --- bytes

    def put(self, data):
        """Queue bytes that are no frame, before all frames: those of the opening handshake."""
        if data:
            self._unsent = memoryview(data if self._unsent is None else bytes(self._unsent) + data)
            writers.add(self)

    def tell_written(self):
        """From now on call the owner's `written()` when all that is queued was taken: at the end of a flush."""
        self._tells_written = True
        writers.add(self)

    def discard(self):
        """Forget what was not taken: the link is gone."""
        self._unsent = None
        self._tells_written = False
        self.link = None

    def forget_owner(self):
        """Nothing is left to be told."""
        self._owner = None

    cpdef flush(self):
        """Hand everything queued to the link in one write, as soon as it takes more."""
        cdef Codec codec = self.codec
        cdef const uchar* data
        cdef Py_ssize_t size, taken
        if self.link is None or self.link.is_blocked or self._unsent is not None and not self._write_unsent():
            return
        if codec is not None:
            size = codec.output(&data)
            if size:
                taken = self.link.write_memory(data, size)
                self._meter.bytes_sent += taken
                if taken == size:
                    codec.forget_output()
                else:
                    self._unsent = memoryview(codec.data_to_send())[taken:]
                if codec.queued():
                    writers.add(self)  # A pong that was owed until there was room.
            if self.accepts and not codec.is_open():
                self._owner.output_changed()  # That was the last chance to answer what came before a failure.
        if self._tells_written and self._unsent is None:
            self._tells_written = False
            self._owner.written()

    cdef bint _write_unsent(self) except -1:
        """Whether all of it was taken."""
        cdef Py_ssize_t taken = self.link.write(self._unsent)
        self._meter.bytes_sent += taken
        if taken < len(self._unsent):
            self._unsent = self._unsent[taken:]
            return False
        self._unsent = None
        return True
