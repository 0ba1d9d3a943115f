# cython: language_level=3
"""A message for many connections of a server: encoded once, and compressed once for all that have the same window."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from .buffers cimport BytesBuilder, uchar
from .wire cimport BINARY, FIN, RSV1, TEXT, append_frame


@cython.final
cdef class PreparedMessage:
    """The frame, or frames, of a message. A server does not mask (RFC 6455 §5.1), so that they are the same for all.

    Text comes as `str`, binary as anything bytes-like. Raises UnicodeEncodeError for a lone surrogate.
    """

    def __cinit__(self, data not None):
        cdef Py_buffer view
        self.opcode = TEXT if isinstance(data, str) else BINARY
        if self.opcode == TEXT:
            self._payload = (<str>data).encode()
        else:
            PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
            try:
                self._payload = PyBytes_FromStringAndSize(<char*>view.buf, view.len)
            finally:
                PyBuffer_Release(&view)
        self.size = len(self._payload)
        self._compressed = {}

    @property
    def wire(self):
        """What is in it: str or bytes."""
        return self._payload.decode() if self.opcode == TEXT else self._payload

    cdef PreparedMessage escaped(self):
        """As it is in a session (session.py), where what begins with DLE is the layer's."""
        if not self._payload.startswith(b"\x10"):
            return self
        if self._escaped is None:
            payload = b"\x10" + self._payload
            self._escaped = PreparedMessage(payload.decode() if self.opcode == TEXT else payload)
        return self._escaped

    cdef bytes frame(self):
        """The message as it is."""
        if self._plain is None:
            self._plain = self._encode(FIN | self.opcode, self._payload)
        return self._plain

    cdef bytes compressed_frame(self, object compressor):
        """The message compressed for the connection that `compressor` belongs to.

        It refers to no earlier message. Nor may the next one refer to what the compressor sent before this one: the
        other side's window has moved on without it.
        """
        compressor.forget()
        cdef bytes frame = self._compressed.get(compressor.window_bits)
        if frame is None:
            # RFC 7692 §6: the first frame of a compressed message says so.
            frame = self._encode(FIN | RSV1 | self.opcode, compressor.compress(self._payload, last=True))
            self._compressed[compressor.window_bits] = frame
            compressor.forget()
        return frame

    cdef bytes _encode(self, int first, bytes payload):
        cdef BytesBuilder builder = BytesBuilder()
        append_frame(builder, first, <const uchar*>PyBytes_AS_STRING(payload), len(payload), False)
        return builder.take()
