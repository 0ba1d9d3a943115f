# Virtuals that pass memory by pointers, such as `_get_packet` and `_put_packet`: Python takes and returns bytes.
#
#     in C                               in Python
#     const uint8_t*, its size           an argument, bytes: a copy
#     uint8_t*, its size, int32_t*       an argument, the size: at most so many bytes are returned
#     const uint8_t**, int32_t*          bytes are returned: kept until the next call of that virtual of that instance
#     int32_t*                           a whole number is returned
#
# "Is returned": beside the Error, as `return Error.OK, data`. An Error alone leaves nothing behind the pointers.

cdef enum:  # In one row with the types of values; generate.py finds them in the engine's API.
    BUFFER_READ = 40
    BUFFER_FILLED = 41
    BUFFER_LENT = 42
    COUNT_RETURNED = 43


cdef int pointers_of(int kind) noexcept:
    """How many arguments in C such a type, or any other, stands for."""
    return 3 if kind == BUFFER_FILLED else 2 if kind == BUFFER_READ or kind == BUFFER_LENT else 1


cdef object invoke_with_buffers(Method method, PyObject** stack, int* size, const void** arguments):
    """Calls the function, stack[0] being the instance, and returns the Error."""
    cdef int i
    cdef int kind
    cdef int place = 0
    for i in range(method.count):
        kind = method.types[i]
        if kind == BUFFER_READ:
            push(stack, size, PyBytes_FromStringAndSize(
                (<const char* const*>arguments[place])[0], (<const int64_t*>arguments[place + 1])[0]))
        elif kind == BUFFER_FILLED:
            push(stack, size, (<const int64_t*>arguments[place + 1])[0])
        elif kind < BUFFER_READ:
            push(stack, size, typed_to_py(kind, arguments[place]))
        place += pointers_of(kind)
    put_out(method, stack[0], arguments, None)
    value = method.invoke(stack, size[0])
    if type(value) is tuple and len(<tuple>value) == 2:
        put_out(method, stack[0], arguments, (<tuple>value)[1])
        return (<tuple>value)[0]
    if not isinstance(value, int):
        raise TypeError(f"{method.where} returns an Error, or an Error and what goes with it, not {type(value).__name__}")
    return value


cdef int put_out(Method method, PyObject* instance, const void** arguments, value) except -1:
    """Writes what is returned where the pointers point at; nothing, and 0, for None."""
    cdef int i
    cdef int place = 0
    for i in range(method.count):
        if method.types[i] == BUFFER_FILLED:
            fill(method, (<char* const*>arguments[place])[0], (<const int64_t*>arguments[place + 1])[0],
                 (<int32_t* const*>arguments[place + 2])[0], value)
        elif method.types[i] == BUFFER_LENT:
            lend(method, instance, (<const char** const*>arguments[place])[0],
                 (<int32_t* const*>arguments[place + 1])[0], value)
        elif method.types[i] == COUNT_RETURNED:
            (<int32_t* const*>arguments[place])[0][0] = 0 if value is None else value
        place += pointers_of(method.types[i])
    return 0


cdef int fill(Method method, char* room, int64_t size, int32_t* filled, value) except -1:
    cdef Py_buffer view
    filled[0] = 0
    if value is None:
        return 0
    PyObject_GetBuffer(value, &view, PyBUF_SIMPLE | PyBUF_C_CONTIGUOUS)
    try:
        if view.len > size:
            raise ValueError(f"{method.where} returned {view.len} bytes where {size} were asked for")
        memcpy(room, view.buf, view.len)
        filled[0] = <int32_t>view.len
    finally:
        PyBuffer_Release(&view)
    return 0


cdef int lend(Method method, PyObject* instance, const char** data, int32_t* size, value) except -1:
    data[0] = NULL
    size[0] = 0
    if value is None:
        return 0
    lent = value if type(value) is bytes else bytes(memoryview(value))
    if PyBytes_GET_SIZE(lent) > 0x7FFFFFFF:
        raise ValueError(f"{method.where} returned more than 2 GiB")
    (<object>instance).__dict__[method.where] = lent
    data[0] = PyBytes_AS_STRING(lent)
    size[0] = <int32_t>PyBytes_GET_SIZE(lent)
    return 0
