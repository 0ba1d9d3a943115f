# cython: language_level=3
"""The meter of one connection: what went through it. It is only counted on the way of a message: once a read, once a write."""

cimport cython

cdef long long UNLIMITED = 1LL << 62


@cython.final
cdef class Meter:
    """Read by features (features/feature.py), and by whoever wants to know."""

    def __cinit__(self):
        self.allowance = UNLIMITED
