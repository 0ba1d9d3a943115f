# cython: language_level=3
"""The codec's memory: bytes objects under construction, and the pool of receive buffers that all connections share."""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from libc.string cimport memcpy

cdef extern from "Python.h":
    # For a bytes object that is still being filled: with Cython's `bytes` its reference count would not be ours.
    PyObject* new_bytes "PyBytes_FromStringAndSize"(const char* data, Py_ssize_t size) except NULL
    int resize_bytes "_PyBytes_Resize"(PyObject** data, Py_ssize_t size) except -1
    Py_ssize_t reference_count "Py_REFCNT"(PyObject* data) noexcept

cdef enum:
    MIN_ROOM = 512
    # More than one only where several threads read at once.
    SPARE_BUFFERS = 4
    # What builders that were cleared had is used again, within these bounds.
    LEAST_SPARE_OUTPUT = 2 * 1024
    MOST_SPARE_OUTPUT = 64 * 1024
    REUSED_SIZE = 8 * 1024 * 1024


@cython.final
cdef class BytesBuilder:
    """A bytes object under construction. As a buffer it exports `lent_room` bytes to be written after what it has.

    A view keeps the bytes object alive, not the builder: while one is held, the object is copied and never resized.
    """

    def __dealloc__(self):
        Py_XDECREF(self.data)

    def __getbuffer__(self, Py_buffer* view, int flags):
        # Only memoryview() asks, for everything: the builder itself is not handed out.
        view.obj = <object>self.data
        view.buf = self.end()
        view.len = self.lent_room
        view.readonly = 0
        view.itemsize = 1
        view.format = b"B"
        view.ndim = 1
        view.shape = &view.len
        view.strides = &view.itemsize
        view.suboffsets = NULL
        view.internal = NULL

    cdef int append(self, const uchar* data, Py_ssize_t size, Py_ssize_t most) except -1:
        memcpy(self.reserve(size, most), data, size)
        self.size += size
        return 0

    cdef bytes take(self):
        """Hand over what was built and start anew."""
        cdef bytes result
        if self.size == 0:
            return b""
        if self.size < self.capacity:
            self._resize(self.size)
        result = <bytes>self.data
        Py_XDECREF(self.data)  # `result` holds a reference of its own
        self.data = NULL
        self.size = self.capacity = 0
        return result

    cdef int clear(self) except -1:
        """Forget what was built. The memory is for the next builder that begins."""
        global spare_output, spare_output_size
        if spare_output == NULL and LEAST_SPARE_OUTPUT <= self.capacity <= MOST_SPARE_OUTPUT and reference_count(self.data) == 1:
            spare_output, spare_output_size = self.data, self.capacity
        else:
            Py_XDECREF(self.data)
        self.data = NULL
        self.size = self.capacity = 0
        return 0

    cdef int _grow(self, Py_ssize_t extra, Py_ssize_t most) except -1:
        global spare_output
        if self.data == NULL and extra <= spare_output_size <= most and spare_output != NULL:
            self.data, self.capacity = spare_output, spare_output_size
            spare_output = NULL
            return 0
        return self._resize(max(self.size + extra, min(most, max(2 * self.capacity, MIN_ROOM))))

    cdef int _resize(self, Py_ssize_t capacity) except -1:
        cdef PyObject* old = self.data
        cdef PyObject* data
        cdef Py_ssize_t size = self.size
        if old != NULL and reference_count(old) == 1:
            # A resize that fails frees the object: the builder is empty then.
            data = old
            self.data = NULL
            self.size = self.capacity = 0
            resize_bytes(&data, capacity)
        else:
            data = new_bytes(NULL, capacity)
            if old != NULL:
                memcpy(bytes_start(data), bytes_start(old), size)
                Py_XDECREF(old)
        self.data = data
        self.size = size
        self.capacity = capacity
        return 0


@cython.final
cdef class ReceiveBuffer:
    """Where one read arrives, with room before it for what the last read left of a frame. Lent to one codec at a time."""

    def __cinit__(self):
        self.data = bytearray(HEAD_ROOM + READ_SIZE)
        self.view = memoryview(self.data)[HEAD_ROOM:]

    cdef uchar* target(self) noexcept:
        return <uchar*>PyByteArray_AS_STRING(self.data) + HEAD_ROOM


cdef list spare_buffers = []
cdef ReceiveBuffer scratch = None
cdef PyObject* spare_output = NULL
cdef Py_ssize_t spare_output_size = 0

# glibc maps a block above a threshold anew each time, and each of its pages faults at its first use: half the time of a
# large message. Freeing one block raises the threshold to its size (mallopt(3), M_MMAP_THRESHOLD); elsewhere this is idle.
bytes(REUSED_SIZE)


cdef ReceiveBuffer borrow_buffer():
    return spare_buffers.pop() if spare_buffers else ReceiveBuffer()


cdef ReceiveBuffer scratch_buffer():
    """The one that nobody owns: for those who write and report at once, or not at all."""
    global scratch
    if scratch is None:
        scratch = ReceiveBuffer()
    return scratch


cdef int give_back(ReceiveBuffer buffer) except -1:
    if len(spare_buffers) < SPARE_BUFFERS:
        spare_buffers.append(buffer)
    return 0
