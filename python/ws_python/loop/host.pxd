# The C view of host.pyx: what is asked in each frame takes no attribute look-up.


cdef class Host:
    cdef public double frame_wait

    cpdef bint at_frame_end(self, object callback) except -1
