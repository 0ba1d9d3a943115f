"""A message for many connections, for the codec: see prepared.pyx."""

cimport cython


@cython.final
cdef class PreparedMessage:
    #: Bytes of payload, uncompressed.
    cdef readonly Py_ssize_t size
    cdef int opcode
    cdef bytes _payload
    cdef bytes _plain
    # By window bits: what all compressors of one server have in common but for these.
    cdef dict _compressed

    # The same as it is in a session, where that is not the same; None as long as nobody has asked.
    cdef PreparedMessage _escaped

    cdef PreparedMessage escaped(self)
    cdef bytes frame(self)
    cdef bytes compressed_frame(self, object compressor)
    cdef bytes _encode(self, int first, bytes payload)
