# cython: language_level=3
"""The meter of one connection: what went through it. It is only counted on the way of a message: once a read, once a write."""

cimport cython

#: An allowance that is never used up.
UNLIMITED = 1 << 62
cdef long long _UNLIMITED = UNLIMITED


@cython.final
cdef class Meter:
    """Read by features (features/feature.py), and by whoever wants to know."""

    def __cinit__(self):
        self.allowance = self.message_allowance = _UNLIMITED
