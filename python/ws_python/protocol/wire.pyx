# cython: language_level=3
"""Writes frames: header, masking key, payload (RFC 6455 §5.2, §5.3). What both directions need is in wire.pxd."""

import os

from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memcpy, memset

from .buffers cimport PY_SSIZE_T_MAX, BytesBuilder, uchar

cdef enum:
    KEY_POOL_SIZE = 4096

cdef uchar key_pool[KEY_POOL_SIZE]
key_pool_left = 0


cdef int fill_key_pool() except -1:
    global key_pool_left
    cdef bytes fresh = os.urandom(KEY_POOL_SIZE)
    memcpy(key_pool, PyBytes_AS_STRING(fresh), KEY_POOL_SIZE)
    key_pool_left = KEY_POOL_SIZE
    return 0


cdef int new_masking_key(uchar* key) except -1:
    """A key that nobody can predict (RFC 6455 §10.3), from a pool: one system call per thousand frames."""
    global key_pool_left
    need_masking_keys()
    key_pool_left -= 4
    memcpy(key, key_pool + key_pool_left, 4)
    return 0


def _forget_masking_keys():
    global key_pool_left
    key_pool_left = 0


if hasattr(os, "register_at_fork"):
    # Parent and child would use the same keys.
    os.register_at_fork(after_in_child=_forget_masking_keys)


cdef int append_head(BytesBuilder output, int first, Py_ssize_t size) except -1:
    """Append the head of an unmasked frame (RFC 6455 §5.2) whose first byte is `first` and whose payload has `size` bytes."""
    cdef uchar* target = output.reserve(MAX_HEADER, PY_SSIZE_T_MAX)
    target[0] = first
    output.size += write_length(target, size)
    return 0


cdef int append_frame(BytesBuilder output, int first, const uchar* payload, Py_ssize_t size, bint masked) except -1:
    """Append a frame (RFC 6455 §5.2) whose first byte is `first`."""
    cdef uchar key[4]
    memset(key, 0, 4)
    cdef uchar* target
    cdef Py_ssize_t head
    if masked:
        new_masking_key(key)  # First: it may let another thread send, and what was reserved would be elsewhere.
    target = output.reserve(MAX_HEADER + size, PY_SSIZE_T_MAX)
    head = write_length(target, size)
    target[0] = first
    if masked:
        target[1] |= MASK
        memcpy(target + head, key, 4)
        head += 4
        xor_mask(target + head, payload, size, target + head - 4)
    else:
        memcpy(target + head, payload, size)
    output.size += head + size
    return 0


cdef bint append_frame_in_room(BytesBuilder output, int first, const uchar* payload, Py_ssize_t size) noexcept nogil:
    """Append an unmasked frame where its memory is there already: without the GIL. False: it is not."""
    cdef uchar* target
    cdef Py_ssize_t head
    if output.data == NULL or output.capacity - output.size < MAX_HEADER + size:
        return False
    target = output.end()
    head = write_length(target, size)
    target[0] = first
    memcpy(target + head, payload, size)
    output.size += head + size
    return True


cdef Py_ssize_t write_length(uchar* target, Py_ssize_t size) noexcept nogil:
    """Write the payload length behind the first byte of a frame; how long the head is so far."""
    if size < 126:
        target[1] = size
        return 2
    if size < 1 << 16:
        target[1] = 126
        put_big_endian(target + 2, size, 2)
        return 4
    target[1] = 127
    put_big_endian(target + 2, size, 8)
    return 10
