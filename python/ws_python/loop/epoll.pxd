# The C view of epoll.pyx: from the system's word that a socket is ready to what reads it, one call.

cimport cython


cdef class Watched:
    #: The file descriptor; -1 where something else watches, or nobody.
    cdef readonly int fd
    # What of it is watched: EPOLLIN and EPOLLOUT; 0 while nothing is.
    cdef unsigned int _mask
    cdef Epoll _epoll

    cpdef int readable(self) except -1
    cpdef int writable(self) except -1
    cpdef failed(self, object error)
    cdef int watch(self, unsigned int mask) except -1


@cython.final
cdef class Epoll:
    cdef int _epoll
    cdef int _also
    cdef list _watched  # by file descriptor; None where there is none
    cdef int _count
    cdef int _next

    cdef int _change(self, Watched watched, unsigned int mask) except -1
    cdef int collect(self, double seconds) except -1
    cdef bint handle(self, double until) except -1
