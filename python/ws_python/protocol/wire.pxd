"""What frames are made of (RFC 6455 §5.2): bits, opcodes, masking, UTF-8, close codes. Plain C, no Python objects."""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from .buffers cimport BytesBuilder, uchar

cdef enum:
    # The first byte.
    FIN = 0x80
    RSV1 = 0x40
    RSV2_AND_3 = 0x30
    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA
    OPCODE = 0x0F
    # The second byte.
    MASK = 0x80
    LENGTH = 0x7F

    MAX_HEADER = 14
    MAX_CONTROL_PAYLOAD = 125

cdef enum:
    # Close codes (RFC 6455 §7.4.1).
    NORMAL_CLOSURE = 1000
    PROTOCOL_ERROR = 1002
    NO_STATUS_RECEIVED = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009

cdef Py_ssize_t key_pool_left
cdef int fill_key_pool() except -1
cdef int append_head(BytesBuilder output, int first, Py_ssize_t size) except -1
cdef int append_frame(BytesBuilder output, int first, const uchar* payload, Py_ssize_t size, bint masked) except -1
cdef bint append_frame_in_room(BytesBuilder output, int first, const uchar* payload, Py_ssize_t size) noexcept nogil


cdef inline int need_masking_keys() except -1:
    """Fill the pool of keys if it is empty. That lets another thread run: do it before asking what must hold when sending."""
    if key_pool_left == 0:
        fill_key_pool()
    return 0


cdef inline bint is_valid_close_code(int code) noexcept nogil:
    """Whether a close frame may carry it: RFC 6455 §7.4, and 1012 to 1014 of the IANA registry."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


cdef inline uint64_t big_endian(const uchar* data, int size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i
    for i in range(size):
        value = value << 8 | data[i]
    return value


cdef inline void put_big_endian(uchar* data, uint64_t value, int size) noexcept nogil:
    cdef int i
    for i in range(size):
        data[size - 1 - i] = <uchar>(value >> (8 * i))


cdef inline void xor_mask(uchar* target, const uchar* source, Py_ssize_t size, const uchar* key) noexcept nogil:
    """Mask or unmask (RFC 6455 §5.3) from source to target, which may be the same. Eight bytes at a time."""
    cdef Py_ssize_t i = 0
    cdef uint64_t word = 0, key_word = 0
    memcpy(&key_word, key, 4)
    memcpy((<uchar*>&key_word) + 4, key, 4)
    while i + 8 <= size:
        memcpy(&word, source + i, 8)
        word ^= key_word
        memcpy(target + i, &word, 8)
        i += 8
    while i < size:
        target[i] = source[i] ^ key[i & 3]
        i += 1


cdef inline void turn_key(uchar* key, Py_ssize_t size) noexcept nogil:
    """Turn the masking key to where it stands after `size` bytes."""
    cdef uchar turned[4]
    cdef int i
    for i in range(4):
        turned[i] = key[(i + size) & 3]
    memcpy(key, turned, 4)


cdef struct Utf8:
    # Between two pieces of a text: continuation bytes still due, and the bounds of the next one.
    int due
    uchar low
    uchar high


cdef inline bint utf8_continues(Utf8* state, const uchar* data, Py_ssize_t size) noexcept nogil:
    """Whether data goes on as valid UTF-8 (RFC 3629 §4: no surrogate, no overlong form, nothing past U+10FFFF)."""
    cdef Py_ssize_t i = 0
    cdef uint64_t word = 0
    cdef uchar byte
    while i < size:
        byte = data[i]
        if state.due:
            if byte < state.low or byte > state.high:
                return False
            state.due -= 1
            state.low, state.high = 0x80, 0xBF
        elif byte < 0x80:
            while i + 9 <= size:  # the rest of a run of ASCII
                memcpy(&word, data + i + 1, 8)
                if word & 0x8080808080808080ULL:
                    break
                i += 8
        elif byte < 0xC2 or byte > 0xF4:
            return False
        else:
            state.due = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
            state.low = 0xA0 if byte == 0xE0 else 0x90 if byte == 0xF0 else 0x80
            state.high = 0x9F if byte == 0xED else 0x8F if byte == 0xF4 else 0xBF
        i += 1
    return True
