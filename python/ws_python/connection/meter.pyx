# cython: language_level=3
"""The meter of one connection: what went through it. It is only counted on the way of a message: once a read, once a write."""

cimport cython

#: An allowance that is never used up.
UNLIMITED = 1 << 62
cdef long long _UNLIMITED = UNLIMITED


@cython.final
cdef class Meter:
    """Read by features (features/feature.py), and by whoever wants to know.

    What is counted here is counted in `total`, too, that of the server or client: so it knows without asking all of its
    connections, and of those that are gone.
    """

    def __cinit__(self, Meter total=None):
        self.sampled_at = -1e9
        self.allowance = self.message_allowance = self.outbound_allowance = _UNLIMITED
        self._total = total

    cdef void read(self, Py_ssize_t size) noexcept:
        """Bytes came from the link."""
        self.bytes_received += size
        if self._total is not None:
            self._total.bytes_received += size

    cdef void parsed(self, Codec codec) noexcept:
        """The codec has parsed some of what came."""
        cdef Meter total = self._total
        if total is not None:
            total.messages_received += codec.messages_received - self.messages_received
            total.compressed_received += codec.compressed_received - self.compressed_received
            total.frames_received += codec.frames_received - self.frames_received
        self.message_allowance -= codec.messages_received - self.messages_received
        self.messages_received = codec.messages_received
        self.compressed_received = codec.compressed_received
        self.frames_received = codec.frames_received

    cdef void wrote(self, Py_ssize_t size, Codec codec) noexcept:
        """The link has taken bytes; `codec` is None during the opening handshake."""
        cdef Meter total = self._total
        self.bytes_sent += size
        if total is not None:
            total.bytes_sent += size
            total.messages_sent += self.messages_sent - self._messages_told
        self._messages_told = self.messages_sent
        if codec is None:
            return
        if total is not None:
            total.compressed_sent += codec.compressed_sent - self.compressed_sent
            total.frames_sent += codec.frames_sent - self.frames_sent
        self.compressed_sent = codec.compressed_sent
        self.frames_sent = codec.frames_sent

    cdef void all_taken(self) noexcept:
        """Nothing waits to be sent."""
        self._messages_taken = self.messages_sent

    cdef bint hold_back(self, Py_ssize_t size) noexcept:
        """So many bytes more wait for a receiver that takes none now. Whether that is more than was allowed."""
        if self._total is None:
            return False
        self._total.outbound_allowance -= size
        return self._total.outbound_allowance < 0

    def is_part_of(self, Meter total):
        """Whether `total` counts what this one counts."""
        return self._total is total

    def sample(self, double latency, double now):
        """The clock of a session has measured the way to the other side and back, in seconds."""
        self.latency = max(latency, 1e-6)
        self.sampled_at = now

    def refuse(self):
        """There was no room for a message."""
        self.messages_refused += 1
        if self._total is not None:
            self._total.messages_refused += 1

    def lose(self):
        """The connection is gone, and what was not taken lost."""
        cdef long long lost = self.messages_sent - self._messages_taken
        self._messages_taken = self.messages_sent
        self.messages_lost += lost
        if self._total is not None:
            self._total.messages_lost += lost
            self._total.messages_sent += self.messages_sent - self._messages_told
        self._messages_told = self.messages_sent
