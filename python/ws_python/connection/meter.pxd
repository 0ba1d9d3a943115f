# The C view of meter.pyx: counting takes no attribute look-up.

cimport cython


@cython.final
cdef class Meter:
    #: When bytes last came from the other side, on the clock of deadlines (loop/deadlines.pyx).
    cdef public double heard_at
    #: Since the connection was made; what arrived whole counts as a message, a pong, too.
    cdef readonly long long bytes_received
    cdef readonly long long messages_received
    cdef readonly long long bytes_sent
    cdef readonly long long messages_sent
    #: Bytes, and messages, that may still come before `overdrawn` is told; whoever limits gives some again from time to time.
    cdef public long long allowance
    cdef public long long message_allowance
    #: Seconds that the other side took to answer the last heartbeat; 0 until one was answered.
    cdef public double latency
