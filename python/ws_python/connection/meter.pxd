# The C view of meter.pyx: counting takes no attribute look-up.

cimport cython

from ws_python.protocol.codec cimport Codec


@cython.final
cdef class Meter:
    #: When bytes last came from the other side, on the clock of deadlines (loop/deadlines.pyx).
    cdef public double heard_at
    #: Since the connection was made. Text and binary messages; frames of all kinds, of which control frames are some.
    cdef readonly long long bytes_received
    cdef readonly long long messages_received
    cdef readonly long long compressed_received
    cdef readonly long long frames_received
    cdef readonly long long bytes_sent
    cdef readonly long long messages_sent
    cdef readonly long long compressed_sent
    cdef readonly long long frames_sent
    #: What `bytes_sent` was when nothing waited for the other side, as far as a feature has looked.
    cdef public long long bytes_settled
    #: Messages that were queued, and not taken whole when the connection broke; those that there was no room for.
    cdef readonly long long messages_lost
    cdef readonly long long messages_refused
    #: Bytes, and messages, that may still come before `overdrawn` is told; whoever limits gives some again from time to time.
    cdef public long long allowance
    cdef public long long message_allowance
    #: Likewise, of a server's total: bytes by which what waits for slow receivers may grow, of all connections together.
    cdef public long long outbound_allowance
    #: Seconds to the other side and back, as measured last; 0 until then. And when the clock of a session has measured it,
    #: on the clock of deadlines.
    cdef public double latency
    cdef public double sampled_at

    # That of the server or client, which counts the same; None for that itself.
    cdef Meter _total
    # Of `messages_sent`: what the total knows of, and what was taken whole.
    cdef long long _messages_told
    cdef long long _messages_taken

    cdef void read(self, Py_ssize_t size) noexcept
    cdef void parsed(self, Codec codec) noexcept
    cdef void wrote(self, Py_ssize_t size, Codec codec) noexcept
    cdef void all_taken(self) noexcept
    cdef bint hold_back(self, Py_ssize_t size) noexcept
