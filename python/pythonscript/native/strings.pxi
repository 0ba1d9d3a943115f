# str <-> String, StringName and NodePath, without ever cutting a text at U+0000.

cdef extern from "Python.h":
    const void* PyUnicode_DATA(object)
    int PyUnicode_KIND(object)
    object PyUnicode_FromKindAndData(int kind, const void* buffer, Py_ssize_t size)
    const char* PyUnicode_AsUTF8AndSize(object, Py_ssize_t*) except NULL

cdef dict _names = {}


cdef class _Name:
    """One StringName that lives as long as the extension, so that its address can be handed to the engine at any time."""

    cdef uint64_t value

    def __cinit__(self, str text not None):
        cdef Py_ssize_t size = 0
        cdef const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size)
        if memchr(utf8, 0, size) != NULL:
            raise ValueError(f"a name in Godot cannot hold U+0000: {text!r}")
        gd.string_name_new_with_utf8_chars_and_len(&self.value, utf8, size)


cdef void* string_name(str text) except NULL:
    """The address of the StringName `text`, made once and kept: for names of classes, methods, signals and properties."""
    cdef _Name name = _names.get(text)
    if name is None:
        need_engine()
        name = _names[text] = _Name(text)
    return &name.value


cdef void release_names() noexcept:
    """Gives the kept names back, at the end of the engine, which would count them as leaked."""
    cdef _Name name
    for name in _names.values():
        _destroy[STRING_NAME](&name.value)
    _names.clear()


cdef int string_from_py(str text, void* string) except -1:
    """Writes a new String. The engine's own constructors stop at U+0000; resizing and filling does not."""
    cdef Py_ssize_t length = len(text)
    cdef Py_ssize_t i
    cdef int kind = PyUnicode_KIND(text)
    cdef const void* source = PyUnicode_DATA(text)
    cdef char32_t* target
    (<uint64_t*>string)[0] = 0  # An empty String is a null pointer, as its default constructor makes it.
    if length == 0:
        return 0
    gd.string_resize(string, length + 1)
    target = gd.string_operator_index(string, 0)
    if kind == 1:
        for i in range(length):
            target[i] = (<const uint8_t*>source)[i]
    elif kind == 2:
        for i in range(length):
            target[i] = (<const unsigned short*>source)[i]
    else:
        memcpy(target, source, <size_t>length * 4)
    target[length] = 0
    return 0


cdef str string_to_py(const void* string):
    cdef int64_t length = gd.string_to_utf32_chars(string, NULL, 0)
    cdef const char32_t* chars
    cdef int64_t i
    if length == 0:
        return ""
    chars = gd.string_operator_index_const(string, 0)
    for i in range(length):
        if chars[i] > 0x10FFFF:  # A String can hold it, Unicode cannot.
            return "".join([chr(chars[i]) if chars[i] <= 0x10FFFF else "\uFFFD" for i in range(length)])
    return PyUnicode_FromKindAndData(4, chars, length)


cdef str string_like_to_py(int kind, const void* value):
    """The text of a StringName or NodePath."""
    cdef uint64_t string = 0
    cdef const void* arguments[1]
    arguments[0] = value
    # String's constructors: 0 default, 1 copy, 2 from StringName, 3 from NodePath (extension_api.json).
    gd.variant_get_ptr_constructor(STRING, 2 if kind == STRING_NAME else 3)(&string, arguments)
    cdef str text = string_to_py(&string)
    _destroy[STRING](&string)
    return text


cdef int string_like_from_py(int kind, str text, void* value) except -1:
    """Writes a new StringName or NodePath."""
    cdef uint64_t string = 0
    cdef const void* arguments[1]
    string_from_py(text, &string)
    arguments[0] = &string
    gd.variant_get_ptr_constructor(kind, 2)(value, arguments)  # 2: from String, for both.
    _destroy[STRING](&string)
    return 0
