# cython: language_level=3
"""TLS as a Link (RFC 8446): another link below it carries the records, and OpenSSL works in memory between the two.

It waits for nothing, and asks for no socket: what the link below brings is decrypted at once, and what is written is encrypted
and given to it. So TLS goes over whatever a Link goes over. The handshake begins by itself; until it is done, nothing is taken.

A record may hold nothing for the receiver and still be work for OpenSSL, which may answer it, as it does KeyUpdate (RFC 8446
section 4.6.3). OpenSSL goes through as many of them in one call as it has. Hence it is given a portion of the records at a time,
and whoever sends too many that are idle in this sense is refused.
"""

try:
    import ssl
except ImportError:
    pass  # No OpenSSL here: then nobody has a context to make a TlsLink with.

from cpython.buffer cimport PyBUF_READ, PyBUF_WRITE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromMemory

from ..loop.hub import hub

from .tls import PlainRequest, RecordFlood

cdef enum:
    # How much is encrypted before the link below is given it.
    WRITE_SIZE = 256 * 1024
    # About how many microseconds a step of the handshake takes: most of it is the signature by an RSA key of 2048 bits.
    HANDSHAKE_WORK = 1000
    # Type, version, length (RFC 8446 section 5.1).
    HEAD_SIZE = 5
    # Records that OpenSSL is given at once, and about how many microseconds an idle one takes.
    PORTION = 64
    IDLE_WORK = 30
    # Bytes of a record that OpenSSL answers with: a KeyUpdate or an alert.
    ANSWER_SIZE = 26
    # Idle records, and answers, that may come within IDLE_TIME. Sessions, keys that are changed and warnings are a few.
    MOST_IDLE = 256
    # Bytes of answers that may wait for the link below.
    MOST_ANSWERS = 16 * 1024

#: Seconds after which idle records are forgiven, if what they were answered with was taken.
IDLE_TIME = 60.0


cdef class TlsLink(OverLink):
    """`context` is an ssl.SSLContext; a client checks the certificate for `server_name`, unless its context does not.
    Raises ssl.SSLError or ValueError where the context is not for this side, or the name is none.

    `explain(error)` says of whatever keeps the handshake from succeeding why, in one line, and whether another attempt may
    succeed: `Receiver.refused` is told that. `plain_answer` is what a server says to HTTP without TLS.
    """

    def __init__(self, Link below not None, context, explain, *, bint server, str server_name="", bytes plain_answer=b""):
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server, server_hostname=server_name or None
        )
        self._explain = explain
        self._plain_answer = plain_answer
        self.host, self.port = below.host, below.port
        self._receive_from(below)
        if not server:
            self._shake_hands()
            if self._fault is not None:
                raise self._fault  # Nobody receives yet, who could be told.

    # --- the link below calls these

    cdef int _arrived(self, const uchar* data, Py_ssize_t size) except -1:
        cdef Py_ssize_t before = self._idle
        if self._has_failed:
            return 0
        if not self._has_heard:
            self._has_heard = True
            # RFC 8446 section 5.1: a record begins with a number below all letters; HTTP does with the name of a method, or
            # with an empty line before it (RFC 9112 section 2.2).
            if self._plain_answer and (65 <= data[0] <= 90 or 97 <= data[0] <= 122 or data[0] == 13 or data[0] == 10):
                self._below.write(self._plain_answer)
                self._fail(PlainRequest())
                return 0
        self._take(data, size)
        if not self._is_ready:
            self._shake_hands()
            return HANDSHAKE_WORK
        self._read()
        return max(self._idle - before, 0) * IDLE_WORK

    cdef int _below_ended(self) except -1:
        self._below_has_ended = True
        if self._has_failed:
            self._tell_end()
        elif not self._is_ready:
            self.is_ended = True
            self._fail(ConnectionResetError())
        else:
            if self._rest is None:
                self._incoming.write_eof()
            self._read()
        return 0

    cdef int _below_writable(self) except -1:
        if not self._flush():
            return 0
        if self._is_closing:
            self._below.half_close()
        elif self.is_blocked and self._is_ready:
            self.is_blocked = False
            if self.receiver is not None:
                self.receiver.writable()
        return 0

    # --- records

    cdef int _take(self, const uchar* data, Py_ssize_t size) except -1:
        """Give OpenSSL the first portion of what arrived, and keep the rest."""
        cdef Py_ssize_t used = 0
        if self._rest is None:
            used = self._portion(data, size)
            self._incoming.write(PyMemoryView_FromMemory(<char*>data, used, PyBUF_READ))
        else:
            self._rest = self._rest[self._rest_used:]
            self._rest_used = 0
        if used < size:
            rest = PyBytes_FromStringAndSize(<const char*>data + used, size - used)
            self._rest = rest if self._rest is None else self._rest + rest
        return 0

    cdef bint _take_rest(self) except? -1:
        """Give OpenSSL the next portion of what was kept. Whether there was any."""
        cdef Py_ssize_t used
        if self._rest is None:
            return False
        used = self._portion(<const uchar*>PyBytes_AS_STRING(self._rest) + self._rest_used, len(self._rest) - self._rest_used)
        self._incoming.write(memoryview(self._rest)[self._rest_used:self._rest_used + used])
        self._rest_used += used
        if self._rest_used == len(self._rest):
            self._rest = None
            self._rest_used = 0
            if self._below_has_ended:
                self._incoming.write_eof()
        return True

    cdef Py_ssize_t _portion(self, const uchar* data, Py_ssize_t size) noexcept:
        """How many of the bytes that come next are up to the end of PORTION records."""
        cdef Py_ssize_t used = 0
        cdef Py_ssize_t count = 0
        cdef Py_ssize_t step
        while used < size and (count < PORTION or self._body_left):
            if self._body_left:
                step = min(self._body_left, size - used)
                self._body_left -= step
                used += step
                continue
            self._body_size = self._body_size << 8 | data[used]  # Of the head, the last two bytes stay.
            used += 1
            self._head_seen += 1
            if self._head_seen == HEAD_SIZE:
                self._head_seen = 0
                self._body_left = self._body_size
                count += 1
        self._idle += count  # Until something comes out of them.
        return used

    cdef int _settle(self) except -1:
        """Flush what OpenSSL has answered. Refuse the other side if it had it do too much for nothing."""
        cdef Py_ssize_t answers = self._outgoing.pending
        cdef bint is_flooded = False
        if self._pending is None:
            self._idle += answers // ANSWER_SIZE
        else:
            is_flooded = answers > MOST_ANSWERS  # While that waits, nothing but answers comes behind it: see write().
        if answers or self._pending is not None:
            self._flush()
        if self._idle > MOST_IDLE:
            if self._pending is None and hub.deadlines.now - self._idle_since >= IDLE_TIME:
                self._idle = 0
                self._idle_since = hub.deadlines.now
            else:
                is_flooded = True
        if is_flooded and not self._has_failed:
            self._rest = None
            self._fail(RecordFlood(self.host))
        return 0

    # --- inside

    cdef int _shake_hands(self) except -1:
        while not self._is_ready:
            try:
                self._tls.do_handshake()
                self._is_ready = True
            except ssl.SSLWantReadError:
                self._flush()
                if not self._take_rest():
                    return 0
            except Exception as error:  # Of whatever kind: the other side, or a context of the user's, is the cause.
                self._fail(error)
                return 0
        self._idle = 0
        self._idle_since = hub.deadlines.now
        if (certificate := self._tls.getpeercert(True)) is not None:
            self.certificate = ssl.DER_cert_to_PEM_cert(certificate)
        self._below_writable()
        self._read()
        return 0

    cdef int _read(self) except -1:
        """Give the receiver what can be decrypted."""
        if self._is_reading:
            return 0  # It goes on below.
        self._is_reading = True
        try:
            while not self._is_paused and not self.is_ended and not self._has_failed:
                if self.receiver is None:
                    self.pause()  # Until somebody receives.
                elif not self._read_once(self.receiver):
                    if self._rest is None:
                        break
                    self._settle()
                    self._take_rest()
        finally:
            self._is_reading = False
        if self._below is not None:
            self._settle()
        return 0

    cdef bint _read_once(self, Receiver receiver) except? -1:
        """Whether there may be more."""
        cdef Py_ssize_t size = 0
        cdef bint has_ended = False
        cdef object fault = None
        receiver.lend()
        try:
            size = self._tls.read(receiver.room, PyMemoryView_FromMemory(<char*>receiver.target, receiver.room, PyBUF_WRITE))
            has_ended = size == 0
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:  # Also where the link below ended, and with TLS's own goodbye missing.
            has_ended = True
            fault = error
        self._is_proven = self._is_proven or size > 0
        self._idle -= size > 0 and self._idle > 0
        receiver.received(size)
        if has_ended and fault is not None and not self._is_proven and not self._below_has_ended:
            self._fail(fault)  # RFC 8446 section 4.4.2.4: a server refuses a certificate when its client has long finished.
        elif has_ended:
            self._tell_end()
        return size > 0

    cdef bint _flush(self) except? -1:
        """Give what is encrypted to the link below. Whether it took all."""
        cdef Py_ssize_t taken
        while self._below is not None:
            if self._pending is None:
                if self._outgoing.pending == 0:
                    return True
                self._pending = memoryview(self._outgoing.read())
            taken = self._below.write(self._pending)
            self._records_taken += taken
            self.is_broken = self.is_broken or self._below.is_broken
            if taken < len(self._pending):
                self._pending = self._pending[taken:]
                return False
            self._pending = None
        return True

    cdef int _fail(self, object error) except -1:
        """There is no TLS with the other side. Of that, OpenSSL has an alert for it (RFC 8446 section 6.2)."""
        cdef Receiver receiver = self.receiver
        self._has_failed = True
        self.is_blocked = False
        self._flush()
        if receiver is None:
            self._fault = error
        else:
            reason, retryable = self._explain(error)
            receiver.refused(reason, retryable)
        return 0

    cdef int _tell_end(self) except -1:
        if not self.is_ended:
            self.is_ended = True
            if self.receiver is not None:
                self.receiver.ended()
        return 0

    def _go_on(self):
        if self._below is not None and self._is_ready:
            self._read()

    # --- as a Link

    cpdef Py_ssize_t write(self, object data) except -1:
        cdef object view = memoryview(data)
        cdef Py_ssize_t size = len(view)
        cdef Py_ssize_t taken = 0
        cdef Py_ssize_t end
        if self._below is None or self._has_failed or self._is_closing:
            self.is_broken = True
            return size
        if not self._is_ready:
            self.is_blocked = True
            return 0
        while taken < size:
            if self._pending is not None:
                self.is_blocked = True
                return taken
            end = min(size, taken + WRITE_SIZE)
            try:
                while taken < end:  # One record at a time.
                    taken += self._tls.write(view[taken:end])
            except ssl.SSLError:
                self.is_broken = True
                return size
            self._flush()
        return taken

    cpdef Py_ssize_t held(self) except -1:
        if self._below is None:
            return 0
        return self._outgoing.pending + (0 if self._pending is None else len(self._pending)) + self._below.held()

    cpdef double round_trip(self) except -1:
        return 0.0 if self._below is None else self._below.round_trip()

    cpdef Py_ssize_t unconfirmed(self) except -1:
        """See Link. Counts records, which are a little longer than what is in them."""
        return 0 if self._below is None else self._below.unconfirmed()

    cpdef long long confirmed(self, long long taken) except -1:
        """See Link. Counts records: each is longer than what is in it, which would look as if less was confirmed."""
        return 0 if self._below is None else self._below.confirmed(self._records_taken)

    cpdef bint is_clear(self) except -1:
        return self._is_ready and self.held() == 0 and self._below.is_clear()

    cpdef bint lags(self) except -1:
        return self.is_blocked or self.held() > 0 or (self._below is not None and self._below.lags())

    cpdef str local_host(self):
        return "" if self._below is None else self._below.local_host()

    cpdef pause(self):
        self._is_paused = True
        if self._below is not None:
            self._below.pause()

    cpdef resume(self):
        self._is_paused = False
        if self._below is None:
            return
        self._below.resume()
        if self._is_ready and (
            self._incoming.pending or self._tls.pending() or self._below_has_ended or self._rest is not None
        ):
            hub.loop().call_soon(self._go_on)  # Not within the call of whoever resumes.

    cpdef half_close(self):
        """See Link. TLS says so with an alert of its own, close_notify (RFC 8446 section 6.1), before the link below does."""
        if self._below is None or self._is_closing:
            return
        self._is_closing = True
        if self._is_ready and not self._has_failed:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # The other side has not said so yet.
        if self._flush():
            self._below.half_close()

    cpdef Link underlay(self, make):
        if self._below is not None:
            self._below = self._below.underlay(make)
        return self

    cpdef drop(self):
        cdef Link below = self._below
        self.receiver = None
        self.is_ended = True
        self._below = None
        self._pending = None
        self._rest = None
        if below is not None:
            below.drop()
