# Values of all 39 Variant types, to Python and back. One function for each direction and for each of the two shapes in
# which the engine hands values over: a Variant (24 bytes, tagged) and a typed pointer (ptrcall, virtuals).
#
#     nil None | bool | int | float | String str | StringName, NodePath: str subclasses | vectors, Color, ...: named tuples
#     (types.py) | RID: int subclass | Object: proxies (objects.pxi) | Callable, Signal, Dictionary, Array: `Builtin`, which
#     holds the engine's own value, so that references stay references | PackedByteArray bytes | other packed arrays: typed
#     Python arrays and lists (types.py)

from libc.stdlib cimport calloc, free, malloc
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer

cdef enum:
    LEAST_VIEW = 4096  # Bytes from which sharing memory is cheaper than copying it.

cdef int _scalars[TYPE_MAX]  # Number of 32-bit scalars of a vector-like type, 0 for the others.
cdef bint _integral[TYPE_MAX]
cdef list _classes = [None] * TYPE_MAX  # Variant type -> Python class, from types.py
cdef dict _types_by_class = {}  # Python class -> Variant type
for _kind, _count in {5: 2, 6: 2, 7: 4, 8: 4, 9: 3, 10: 3, 11: 6, 12: 4, 13: 4, 14: 4, 15: 4, 16: 6, 17: 9, 18: 12, 19: 16, 20: 4}.items():
    _scalars[_kind] = _count
    _integral[_kind] = _kind in (6, 8, 10, 13)


def set_classes(dict classes):
    """Tells which Python class stands for which Variant type (called once, by types.py)."""
    for kind, cls in classes.items():
        _classes[kind] = cls
        _types_by_class[cls] = kind


cdef int variant_type_of(value) except -1:
    """The Variant type that `value` becomes; TypeError where there is none."""
    cdef object kind = _types_by_class.get(type(value))
    if kind is not None:
        return kind
    if value is None:
        return NIL
    if isinstance(value, Builtin):
        return (<Builtin>value).kind()
    if isinstance(value, Object):
        return OBJECT
    for cls in type(value).__mro__:
        kind = _types_by_class.get(cls)
        if kind is not None:
            return kind
    if isinstance(value, (list, tuple)):
        return ARRAY
    if isinstance(value, dict):
        return DICTIONARY
    if isinstance(value, (bytearray, memoryview)):
        return PACKED_BYTE_ARRAY
    if callable(value):
        return CALLABLE
    raise TypeError(f"a {type(value).__name__} cannot be passed to Godot: use None, bool, int, float, str, bytes, list, dict, "
                    "an engine object or one of the types of pythonscript")


# ---------------------------------------------------------------------------------------------------------- to Python

cdef object variant_to_py(const void* variant):
    cdef int kind = gd.variant_get_type(variant)
    cdef uint64_t instance_id
    if kind == NIL:
        return None
    if kind == OBJECT:  # By its id: the pointer of an object that was freed must not be followed.
        instance_id = gd.variant_get_object_instance_id(variant)
        return object_to_py(gd.object_get_instance_from_id(instance_id)) if instance_id else None
    if CALLABLE <= kind <= ARRAY:
        return builtin_to_py(kind, variant)
    return typed_to_py(kind, _internal[kind](<void*>variant))


cdef object variant_to_view(const void* variant):
    """As variant_to_py, but a long PackedByteArray as a memoryview of its own memory, which is shared and not copied."""
    cdef PackedBytes packed
    cdef void* value
    cdef int kind = gd.variant_get_type(variant)
    if kind == PACKED_BYTE_ARRAY:
        value = _internal[PACKED_BYTE_ARRAY](<void*>variant)
        if packed_size(PACKED_BYTE_ARRAY, value) >= LEAST_VIEW:
            packed = PackedBytes.__new__(PackedBytes)
            # Not variant_new_copy: Variants of one packed array share it, changes included, as GDScript's variables do.
            _variant_from[PACKED_BYTE_ARRAY](&packed.variant, value)
            return memoryview(packed)
    return variant_to_py(variant)


cdef int64_t packed_bytes_of(const void* variant, const uint8_t** data) noexcept:
    cdef void* value
    cdef int64_t size
    cdef int kind = gd.variant_get_type(variant)
    if kind != PACKED_BYTE_ARRAY:
        return -1
    value = _internal[PACKED_BYTE_ARRAY](<void*>variant)
    size = packed_size(PACKED_BYTE_ARRAY, value)
    data[0] = gd.packed_byte_array_operator_index_const(value, 0) if size else NULL
    return size


cdef int64_t string_chars_of(const void* variant, const uint32_t** chars) noexcept:
    cdef void* value
    cdef int64_t size
    cdef int kind = gd.variant_get_type(variant)
    if kind != STRING:
        return -1
    value = _internal[STRING](<void*>variant)
    size = gd.string_to_utf32_chars(value, NULL, 0)
    chars[0] = gd.string_operator_index_const(value, 0) if size else NULL
    return size


cdef bint int_of(const void* variant, int64_t* value) noexcept:
    cdef int kind = gd.variant_get_type(variant)
    if kind != INT:
        return False
    value[0] = (<int64_t*>_internal[INT](<void*>variant))[0]
    return True


cdef object typed_to_py(int kind, const void* value):
    cdef Variant variant
    if kind == INT:
        return (<const int64_t*>value)[0]
    if kind == FLOAT:
        return (<const double*>value)[0]
    if kind == BOOL:
        return (<const uint8_t*>value)[0] != 0
    if kind == STRING:
        return string_to_py(value)
    if kind == PACKED_BYTE_ARRAY:
        return packed_bytes_to_py(value)
    if kind == VARIANT:
        return variant_to_py(value)
    if kind == NIL:
        return None
    if kind == OBJECT:
        # No pointer to a pointer: a typed variable that nothing was assigned to, or null.
        return None if value == NULL else object_to_py(living_object((<void* const*>value)[0]))
    if kind == STRING_NAME or kind == NODE_PATH:
        return _classes[kind](string_like_to_py(kind, value))
    if kind == RID:
        return _classes[RID]((<const uint64_t*>value)[0])
    if _scalars[kind]:
        return _classes[kind]._from_scalars(scalars_to_py(value, _scalars[kind], _integral[kind]))
    if kind > PACKED_BYTE_ARRAY:
        return packed_to_py(kind, <void*>value)
    _variant_from[kind](&variant, <void*>value)
    try:
        return builtin_to_py(kind, &variant)
    finally:
        gd.variant_destroy(&variant)


cdef object builtin_to_py(int kind, const void* variant):
    cdef Builtin builtin
    if kind == CALLABLE:
        function = python_callable(_internal[CALLABLE](<void*>variant))
        if function is not None:
            return function
    cls = _classes[kind]
    builtin = cls.__new__(cls)
    gd.variant_new_copy(&builtin.variant, variant)
    return builtin


cdef list scalars_to_py(const void* value, int count, bint integral):
    if integral:
        return [(<const int32_t*>value)[i] for i in range(count)]
    return [(<const float*>value)[i] for i in range(count)]


cdef int64_t packed_size(int kind, const void* value) noexcept:
    cdef int64_t size = 0
    _size_of[kind](<void*>value, NULL, &size, 0)
    return size


cdef bytes packed_bytes_to_py(const void* value):
    cdef int64_t size = packed_size(PACKED_BYTE_ARRAY, value)
    return PyBytes_FromStringAndSize(<const char*>gd.packed_byte_array_operator_index_const(value, 0), size) if size else b""


cdef void* packed_item(int kind, void* value, int64_t i) noexcept:
    if kind == PACKED_INT32_ARRAY:
        return gd.packed_int32_array_operator_index(value, i)
    if kind == PACKED_INT64_ARRAY:
        return gd.packed_int64_array_operator_index(value, i)
    if kind == PACKED_FLOAT32_ARRAY:
        return gd.packed_float32_array_operator_index(value, i)
    if kind == PACKED_FLOAT64_ARRAY:
        return gd.packed_float64_array_operator_index(value, i)
    if kind == PACKED_STRING_ARRAY:
        return gd.packed_string_array_operator_index(value, i)
    if kind == PACKED_VECTOR2_ARRAY:
        return gd.packed_vector2_array_operator_index(value, i)
    if kind == PACKED_VECTOR3_ARRAY:
        return gd.packed_vector3_array_operator_index(value, i)
    if kind == PACKED_VECTOR4_ARRAY:
        return gd.packed_vector4_array_operator_index(value, i)
    return gd.packed_color_array_operator_index(value, i)


cdef int packed_item_type(int kind) noexcept:
    """The Variant type of the items that are converted one by one; 0 for numbers, which are copied as a block."""
    if kind == PACKED_STRING_ARRAY:
        return STRING
    if kind == PACKED_VECTOR2_ARRAY:
        return VECTOR2
    if kind == PACKED_VECTOR3_ARRAY:
        return 9
    if kind == PACKED_VECTOR4_ARRAY:
        return 12
    return COLOR if kind == PACKED_COLOR_ARRAY else 0


cdef object packed_to_py(int kind, void* value):
    cdef int64_t size = packed_size(kind, value)
    cdef int item = packed_item_type(kind)
    if item:
        return _classes[kind]([typed_to_py(item, packed_item(kind, value, i)) for i in range(size)])
    result = _classes[kind]()
    if size:
        result.frombytes(PyBytes_FromStringAndSize(<const char*>packed_item(kind, value, 0), size * <int64_t>result.itemsize))
    return result


# -------------------------------------------------------------------------------------------------------- from Python

cdef int py_to_variant(value, void* variant) except -1:
    """Writes a new Variant: the memory holds none before, one after; nothing is written when it raises."""
    cdef Slot slot
    cdef int kind
    cls = type(value)
    if cls is bytes:  # The types of messages and ids first.
        kind = PACKED_BYTE_ARRAY
    elif cls is str:
        kind = STRING
    elif cls is int:
        kind = INT
    else:
        kind = variant_type_of(value)
    if kind == PACKED_BYTE_ARRAY and cls is bytes:
        packed_bytes_variant(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), variant)
    elif kind == NIL:
        gd.variant_new_nil(variant)
    elif isinstance(value, Builtin):
        gd.variant_new_copy(variant, &(<Builtin>value).variant)
    else:
        py_to_typed(kind, value, &slot)
        _variant_from[kind](variant, &slot)
        if _destroy[kind] != NULL:
            _destroy[kind](&slot)
    return 0


cdef int py_to_typed(int kind, value, void* target) except -1:
    """Writes a new value of the builtin type `kind`; TypeError or OverflowError, and nothing written, when it cannot be."""
    if kind == INT:
        (<int64_t*>target)[0] = value
    elif kind == FLOAT:
        (<double*>target)[0] = value
    elif kind == BOOL:
        (<uint8_t*>target)[0] = 1 if value else 0
    elif kind == STRING:
        if not isinstance(value, str):
            raise TypeError(f"a String is needed, not {type(value).__name__}: pass a str")
        string_from_py(str.__str__(value), target)  # A subclass, such as StringName, becomes a plain str.
    elif kind == PACKED_BYTE_ARRAY:
        packed_bytes_from_py(value, target)
    elif kind == VARIANT:
        py_to_variant(value, target)
    elif kind == OBJECT:
        (<void**>target)[0] = object_pointer(value)
    elif kind == STRING_NAME or kind == NODE_PATH:
        if not isinstance(value, str):
            raise TypeError(f"a name or path is needed, not {type(value).__name__}: pass a str")
        string_like_from_py(kind, str.__str__(value), target)
    elif kind == RID:
        (<uint64_t*>target)[0] = value
    elif _scalars[kind]:
        scalars_from_py(kind, value, target)
    elif kind > PACKED_BYTE_ARRAY:
        packed_from_py(kind, value, target)
    elif isinstance(value, Builtin):
        if (<Builtin>value).kind() != kind:
            raise TypeError(f"a {_classes[kind].__name__} is needed, not {type(value).__name__}")
        _variant_to[kind](target, &(<Builtin>value).variant)
    elif kind == ARRAY:
        array_from_py(value, target)
    elif kind == DICTIONARY:
        dictionary_from_py(value, target)
    elif kind == CALLABLE and value is None:
        _construct_default[CALLABLE](target, NULL)
    elif kind == CALLABLE:
        callable_from_py(value, target)
    elif kind == SIGNAL and isinstance(value, BoundSignal):
        signal_from_py(value, target)
    else:
        raise TypeError(f"a {_classes[kind].__name__} is needed, not {type(value).__name__}")
    return 0


cdef int scalars_from_py(int kind, value, void* target) except -1:
    cls = _classes[kind]
    cdef list scalars = (value if isinstance(value, cls) else cls(*value))._to_scalars()
    cdef int i
    if len(scalars) != _scalars[kind]:
        raise TypeError(f"{cls.__name__} has {_scalars[kind]} numbers, not {len(scalars)}")
    if _integral[kind]:
        for i in range(_scalars[kind]):
            (<int32_t*>target)[i] = scalars[i]
    else:
        for i in range(_scalars[kind]):
            (<float*>target)[i] = scalars[i]
    return 0


cdef int packed_bytes_from_py(value, void* target) except -1:
    cdef Py_buffer view
    if type(value) is bytes:
        return packed_bytes_from_memory(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), target)
    PyObject_GetBuffer(value, &view, PyBUF_SIMPLE | PyBUF_C_CONTIGUOUS)
    packed_bytes_from_memory(<const char*>view.buf, view.len, target)
    PyBuffer_Release(&view)
    return 0


cdef uint64_t _no_bytes[2]  # An empty PackedByteArray: all zero, as its default constructor makes it.
memset(_no_bytes, 0, sizeof(_no_bytes))


cdef void packed_bytes_variant(const char* source, int64_t size, void* variant) noexcept:
    """Writes a new Variant. The bytes are put where they stay: no array is made first, to be copied."""
    cdef int64_t error = 0
    cdef const void* arguments[1]
    cdef void* value
    _variant_from[PACKED_BYTE_ARRAY](variant, _no_bytes)
    if size:
        value = _internal[PACKED_BYTE_ARRAY](variant)
        arguments[0] = &size
        _resize[PACKED_BYTE_ARRAY](value, arguments, &error, 1)
        memcpy(gd.packed_byte_array_operator_index(value, 0), source, size)


cdef int packed_bytes_from_memory(const char* source, Py_ssize_t size, void* target) noexcept:
    packed_new(PACKED_BYTE_ARRAY, size, target)
    if size:
        memcpy(gd.packed_byte_array_operator_index(target, 0), source, size)
    return 0


cdef void packed_new(int kind, int64_t size, void* target) noexcept:
    cdef int64_t error = 0
    cdef const void* arguments[1]
    arguments[0] = &size
    _construct_default[kind](target, NULL)
    if size:
        _resize[kind](target, arguments, &error, 1)


cdef int packed_from_py(int kind, value, void* target) except -1:
    cdef int64_t size
    cdef int64_t i
    cdef int item = packed_item_type(kind)
    cdef Py_buffer view
    cls = _classes[kind]
    if not isinstance(value, cls):
        value = cls(value)
    size = len(value)
    if not item:
        PyObject_GetBuffer(value, &view, PyBUF_SIMPLE | PyBUF_C_CONTIGUOUS)
        packed_new(kind, size, target)
        if size:
            memcpy(packed_item(kind, target, 0), view.buf, view.len)
        PyBuffer_Release(&view)
        return 0
    packed_new(kind, size, target)
    try:
        for i in range(size):
            if item == STRING:
                if not isinstance(value[i], str):
                    raise TypeError(f"a PackedStringArray holds str, not {type(value[i]).__name__}")
                _destroy[STRING](packed_item(kind, target, i))
                string_from_py(str.__str__(value[i]), packed_item(kind, target, i))
            else:
                scalars_from_py(item, value[i], packed_item(kind, target, i))
    except BaseException:
        _destroy[kind](target)
        raise
    return 0


cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char*) except -1
    void Py_LeaveRecursiveCall()

cdef const char* _NESTED = " while passing a list or dict to Godot: is it part of itself?"


cdef int array_from_py(value, void* target) except -1:
    cdef int64_t i
    cdef list items = list(value)
    Py_EnterRecursiveCall(_NESTED)
    packed_new(ARRAY, len(items), target)
    try:
        for i in range(len(items)):
            py_to_variant(items[i], gd.array_operator_index(target, i))  # A new Array's items are nil: nothing to destroy.
    except BaseException:
        _destroy[ARRAY](target)
        raise
    finally:
        Py_LeaveRecursiveCall()
    return 0


cdef int dictionary_from_py(value, void* target) except -1:
    cdef Variant key
    cdef Variant item
    cdef void* place
    Py_EnterRecursiveCall(_NESTED)
    _construct_default[DICTIONARY](target, NULL)
    try:
        for py_key, py_item in value.items():
            py_to_variant(py_key, &key)
            try:
                py_to_variant(py_item, &item)
                place = gd.dictionary_operator_index(target, &key)
                gd.variant_destroy(place)
                memcpy(place, &item, sizeof(Variant))
            finally:
                gd.variant_destroy(&key)
    except BaseException:
        _destroy[DICTIONARY](target)
        raise
    finally:
        Py_LeaveRecursiveCall()
    return 0


cdef class PackedBytes:
    """A PackedByteArray that stays in the engine, as a read-only buffer: an array of its own that shares the memory until
    either is changed."""

    cdef Variant variant

    def __cinit__(self):
        memset(&self.variant, 0, sizeof(Variant))  # All zero is a nil Variant.

    def __dealloc__(self):
        if _alive:
            gd.variant_destroy(&self.variant)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        cdef void* value = _internal[PACKED_BYTE_ARRAY](&self.variant)
        cdef int64_t size = packed_size(PACKED_BYTE_ARRAY, value)
        PyBuffer_FillInfo(buffer, self, <void*>gd.packed_byte_array_operator_index_const(value, 0), size, 1, flags)


# ------------------------------------------------------------------------------------- values that stay the engine's own

cdef class Builtin:
    """A value that lives in the engine: the base of Array, Dictionary, Callable and Signal (types.py).

    Any method of the builtin type can be called by its Godot name; `[]`, `==`, `hash` and `str` are the engine's.
    """

    cdef Variant variant
    cdef object __weakref__

    def __cinit__(self, *arguments, **keywords):
        memset(&self.variant, 0, sizeof(Variant))  # All zero is a nil Variant.

    def __dealloc__(self):
        if _alive:
            self.release()

    cdef void release(self) noexcept:
        """Becomes nil."""
        cdef Variant variant = self.variant
        memset(&self.variant, 0, sizeof(Variant))
        gd.variant_destroy(&variant)

    cdef int kind(self) noexcept:
        return gd.variant_get_type(&self.variant)

    def _assign(self, int kind, value):
        """Makes this a new value of Variant type `kind` (the constructors of types.py)."""
        cdef Slot slot
        cdef Variant variant
        need_engine()
        py_to_typed(kind, value, &slot)
        _variant_from[kind](&variant, &slot)
        if _destroy[kind] != NULL:
            _destroy[kind](&slot)
        gd.variant_destroy(&self.variant)
        self.variant = variant

    def __getattr__(self, str name):
        if gd.variant_has_method(&self.variant, string_name(name)):
            return VariantMethod.make(self, name)
        raise AttributeError(f"{type(self).__name__} has no method {name}()")

    def _get(self, key):
        return variant_get_item(&self.variant, key)

    def _set(self, key, value):
        variant_set_item(&self.variant, key, value)

    def __eq__(self, other):
        if not isinstance(other, (Builtin, list, tuple, dict)) or variant_type_of(other) != self.kind():
            return NotImplemented
        return evaluate(0, self, other)

    def __hash__(self):
        return gd.variant_hash(&self.variant)

    def __repr__(self):
        cdef uint64_t string = 0
        gd.variant_stringify(&self.variant, &string)
        text = string_to_py(&string)
        _destroy[STRING](&string)
        return text


cdef object variant_get_item(void* variant, key):
    cdef Variant py_key
    cdef Variant result
    cdef uint8_t valid = 0
    py_to_variant(key, &py_key)
    gd.variant_get(variant, &py_key, &result, &valid)
    gd.variant_destroy(&py_key)
    if not valid:
        raise KeyError(key)
    return take_variant(&result)


cdef int variant_set_item(void* variant, key, value) except -1:
    cdef Variant py_key
    cdef Variant item
    cdef uint8_t valid = 0
    py_to_variant(key, &py_key)
    try:
        py_to_variant(value, &item)
        gd.variant_set(variant, &py_key, &item, &valid)
        gd.variant_destroy(&item)
    finally:
        gd.variant_destroy(&py_key)
    if not valid:
        raise TypeError(f"Godot refuses {value!r} at {key!r}: it is out of range, read-only or of another type")
    return 0


cdef object take_variant(Variant* variant):
    """Converts and destroys."""
    try:
        return variant_to_py(variant)
    finally:
        gd.variant_destroy(variant)


def evaluate(int operator, left, right):
    """Evaluates one of Godot's operators (the order of Variant.Operator), for the types that have operators of their own."""
    cdef Variant a
    cdef Variant b
    cdef Variant result
    cdef uint8_t valid = 0
    need_engine()
    py_to_variant(left, &a)
    try:
        py_to_variant(right, &b)
    except BaseException:
        gd.variant_destroy(&a)
        raise
    gd.variant_evaluate(operator, &a, &b, &result, &valid)
    gd.variant_destroy(&a)
    gd.variant_destroy(&b)
    if not valid:
        gd.variant_destroy(&result)
        raise TypeError(f"Godot has no such operator between {type(left).__name__} and {type(right).__name__}")
    return take_variant(&result)


def call_builtin(value, str method, *arguments):
    """Calls a method of a builtin type, such as Vector2.length, on a Python value of that type."""
    cdef Variant variant
    need_engine()
    py_to_variant(value, &variant)
    try:
        return variant_call_method(&variant, method, arguments)
    finally:
        gd.variant_destroy(&variant)


def has_builtin_method(value, str method):
    """Whether the builtin type of `value` has that method."""
    cdef Variant variant
    cdef void* name = string_name(method)
    py_to_variant(value, &variant)
    found = gd.variant_has_method(&variant, name) != 0
    gd.variant_destroy(&variant)
    return found


cdef class VariantMethod:
    """A method of an engine value, bound and ready to be called."""

    cdef object owner
    cdef str name

    @staticmethod
    def of(owner, str name):
        """The method `name` of an engine object or value, where a Python method of that name hides it."""
        return VariantMethod.make(owner, name)

    @staticmethod
    cdef VariantMethod make(owner, str name):
        cdef VariantMethod method = VariantMethod.__new__(VariantMethod)
        method.owner = owner
        method.name = name
        return method

    def __call__(self, *arguments):
        cdef Variant variant
        if isinstance(self.owner, Builtin):  # In place: the method may change the value.
            return variant_call_method(&(<Builtin>self.owner).variant, self.name, arguments)
        object_variant(self.owner, &variant)
        try:
            return variant_call_method(&variant, self.name, arguments)
        finally:
            gd.variant_destroy(&variant)

    def __repr__(self):
        return f"<method {self.name} of {self.owner!r}>"


cdef object variant_call_method(Variant* variant, str method, tuple arguments):
    cdef Arguments packed = Arguments(arguments)
    cdef Variant result
    cdef GDExtensionCallError error
    cdef void* name = string_name(method)
    gd.variant_new_nil(&result)
    error.error = CALL_OK
    with nogil:  # The engine may wait there for a thread that calls into Python.
        gd.variant_call(variant, name, packed.pointers, packed.count, &result, &error)
    if error.error != CALL_OK:
        gd.variant_destroy(&result)
        raise_call_error(method, &error, packed.count)
    return take_variant(&result)


cdef class Arguments:
    """The arguments of one call as Variants, destroyed with it."""

    cdef Variant inline[8]
    cdef const void* inline_pointers[8]
    cdef Variant* values
    cdef const void** pointers
    cdef int64_t count

    def __cinit__(self, tuple arguments):
        cdef Py_ssize_t wanted = len(arguments)
        self.count = 0
        self.values = self.inline
        self.pointers = self.inline_pointers
        if wanted > 8:
            self.values = <Variant*>malloc(wanted * sizeof(Variant))
            self.pointers = <const void**>malloc(wanted * sizeof(void*))
        for argument in arguments:
            py_to_variant(argument, &self.values[self.count])
            self.pointers[self.count] = &self.values[self.count]
            self.count += 1

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self.count):
            gd.variant_destroy(&self.values[i])
        if self.values != self.inline:
            free(self.values)
            free(self.pointers)


cdef int raise_call_error(str method, GDExtensionCallError* error, int64_t count) except -1:
    if error.error == CALL_INVALID_METHOD:
        raise AttributeError(f"there is no method {method}()")
    if error.error == CALL_INVALID_ARGUMENT:
        raise TypeError(f"{method}(): argument {error.argument + 1} is of the wrong type, Godot wants {type_name(error.expected)}")
    if error.error == CALL_TOO_MANY_ARGUMENTS:
        raise TypeError(f"{method}() takes at most {error.expected} arguments, {count} given")
    if error.error == CALL_TOO_FEW_ARGUMENTS:
        raise TypeError(f"{method}() needs more arguments than {count}")  # How many, the engine does not say.
    if error.error == CALL_INSTANCE_IS_NULL:
        raise ReferenceError(f"{method}() was called on a freed object")
    raise TypeError(f"{method}() cannot be called on a constant value")


cdef str type_name(int kind):
    return _classes[kind].__name__ if 0 <= kind < TYPE_MAX and _classes[kind] is not None else f"type {kind}"
