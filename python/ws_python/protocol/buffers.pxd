"""The codec's memory, for its modules: see buffers.pyx."""

cimport cython
from cpython.object cimport PyObject

cdef extern from "Python.h":
    char* bytes_start "PyBytes_AS_STRING"(PyObject* data) noexcept nogil
    Py_ssize_t PY_SSIZE_T_MAX

ctypedef unsigned char uchar

cdef enum:
    READ_SIZE = 256 * 1024
    HEAD_ROOM = 256


@cython.final
cdef class BytesBuilder:
    cdef PyObject* data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity
    cdef Py_ssize_t lent_room

    cdef inline uchar* start(self) noexcept nogil:
        return <uchar*>bytes_start(self.data)

    cdef inline uchar* end(self) noexcept nogil:
        return self.start() + self.size

    cdef inline uchar* reserve(self, Py_ssize_t extra, Py_ssize_t most) except NULL:
        """Make room for `extra` more bytes and return where. Doubles, but not beyond `most` bytes in all."""
        if self.data == NULL or self.capacity - self.size < extra:
            self._grow(extra, most)
        return self.end()

    cdef int append(self, const uchar* data, Py_ssize_t size, Py_ssize_t most) except -1
    cdef bytes take(self)
    cdef int clear(self) except -1
    cdef int _grow(self, Py_ssize_t extra, Py_ssize_t most) except -1
    cdef int _resize(self, Py_ssize_t capacity) except -1


@cython.final
cdef class ReceiveBuffer:
    cdef bytearray data
    cdef object view
    cdef uchar* target(self) noexcept


cdef ReceiveBuffer borrow_buffer()
cdef ReceiveBuffer scratch_buffer()
cdef int give_back(ReceiveBuffer buffer) except -1
