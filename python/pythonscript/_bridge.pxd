"""The C view of the bridge, for compiled modules of packages that register classes: see _bridge.pyx."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

#: A way of a call past Python, for a method that is called very often: it either does all that the method would do and
#: returns True, with the method's result, a whole number, in `result`; or it does nothing, and the method is called.
#: `arguments` points at as many Variants as the method has arguments, of any types.
ctypedef bint (*Shortcut)(object instance, const void** arguments, int64_t* result) except -1

#: The same for `_notification`.
ctypedef bint (*NotificationShortcut)(object instance, int what) except -1

#: The same for a virtual of the engine class. `arguments` points at the engine's own types, as of a ptrcall, each pointer
#: of a buffer by itself (native/buffers.pxi); whoever returns True has written what it returns to `result`.
ctypedef bint (*VirtualShortcut)(object instance, const void** arguments, void* result) except -1

#: As VirtualShortcut, and without the GIL, for what is asked again and again: `memory` is `Object.memory` of the instance.
#: It is not called as long as that is NULL.
ctypedef bint (*FreeShortcut)(void* memory, const void** arguments, void* result) noexcept nogil

#: What a class option `shortcuts={"method": ...}` takes; of a virtual also a free one and one that serves where that does not.
cdef object shortcut_capsule(Shortcut function)
cdef object notification_shortcut_capsule(NotificationShortcut function)
cdef object virtual_shortcut_capsule(VirtualShortcut function)
cdef object free_shortcut_capsule(FreeShortcut function)

cpdef uint64_t process_frames() except? 0
cpdef uint64_t physics_frames() except? 0

#: A method of an engine class without arguments, and whether an instance that is alive says yes to it.
cdef const void* method_bind(str cls, str method) except NULL
cdef bint is_so(Object instance, const void* method) except -1

#: What a Variant holds, where it lies: its size in bytes or characters, -1 if it is of another type.
cdef int64_t packed_bytes_of(const void* variant, const uint8_t** data) noexcept
cdef int64_t string_chars_of(const void* variant, const uint32_t** chars) noexcept
cdef bint int_of(const void* variant, int64_t* value) noexcept


cdef class Object:
    cdef void* pointer
    cdef uint64_t instance_id
    cdef bint counted  # Derives from RefCounted.
    cdef bint extension  # An instance of a class written in Python.
    cdef int keeper  # Of such an instance, see counted.pxi; any other that is counted holds one reference.
    cdef NotificationShortcut notification_shortcut  # Of its class, or NULL.
    #: What the shortcuts of its class need of an instance, for that class to set; None at first.
    cdef object companion
    #: Likewise, what its FreeShortcuts need, which has to live as long as the instance; NULL at first.
    cdef void* memory
    cdef dict __dict__
    cdef object __weakref__

    cdef int construct(self, cls) except -1
    cdef void release(self) noexcept
    cdef void* living(self) except NULL
    cdef bint is_alive(self) noexcept


cdef class BoundSignal:
    cdef void* pointer
    cdef uint64_t instance_id
    cdef readonly str name
    cdef readonly int argument_count
    cdef void* string_name

    cdef void* living(self) except NULL
    #: As emit(), with `argument_count` borrowed references.
    cdef int emit_values(self, PyObject** values) except -1
