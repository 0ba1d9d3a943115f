# A call from the engine to a Python method, and its result back. Three doors lead in (callbacks.pxi): `call` (untyped GDScript: raw
# Variants, count and types checked here), `ptrcall` (typed GDScript: typed pointers) and virtuals (`_process` and the like, as
# ptrcall). Whatever a method lets out is reported here, where it is known what its caller gets instead.

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New

cdef extern from "Python.h":
    object PyObject_Vectorcall(object, PyObject**, size_t, PyObject*)

cdef enum:
    MAX_ARGUMENTS = 16  # More than any virtual of the engine has.
    FAILED = 1  # Of the enum Error.

cdef const char* _SHORTCUT = "pythonscript.Shortcut"
cdef const char* _NOTIFICATION_SHORTCUT = "pythonscript.NotificationShortcut"
cdef const char* _VIRTUAL_SHORTCUT = "pythonscript.VirtualShortcut"
cdef const char* _FREE_SHORTCUT = "pythonscript.FreeShortcut"


cdef object shortcut_capsule(Shortcut function):
    return PyCapsule_New(<void*>function, _SHORTCUT, NULL)


cdef object notification_shortcut_capsule(NotificationShortcut function):
    return PyCapsule_New(<void*>function, _NOTIFICATION_SHORTCUT, NULL)


cdef object virtual_shortcut_capsule(VirtualShortcut function):
    return PyCapsule_New(<void*>function, _VIRTUAL_SHORTCUT, NULL)


cdef object free_shortcut_capsule(FreeShortcut function):
    return PyCapsule_New(<void*>function, _FREE_SHORTCUT, NULL)


cdef class Method:
    """One Python function with the types that Godot calls it with."""

    cdef str name
    cdef str where
    cdef object function
    cdef Shortcut shortcut
    cdef VirtualShortcut virtual_shortcut
    cdef FreeShortcut free_shortcut
    cdef dict overrides  # Derived Python class -> its function, once there is one: the engine may call through the parent's.
    cdef bint is_static
    cdef bint is_setter
    cdef bint is_awaited
    cdef int count
    cdef int required
    cdef bint returns
    cdef int result_type
    cdef tuple result_class  # As one of `classes`.
    cdef bint returns_error
    cdef bint has_buffers  # See buffers.pxi.
    cdef int types[MAX_ARGUMENTS]
    cdef bint takes_views[MAX_ARGUMENTS]
    cdef tuple classes  # Of the Object arguments: (Python class or None, Godot name), see is_of_class().
    cdef tuple converters
    cdef tuple defaults

    @staticmethod
    cdef Method make(str class_name, spec):
        cdef Method method = Method.__new__(Method)
        cdef int i
        if len(spec.arguments) > MAX_ARGUMENTS:
            raise TypeError(f"{class_name}.{spec.name} has more than {MAX_ARGUMENTS} arguments: pass a Dictionary instead")
        method.name = spec.name
        method.where = f"{class_name}.{spec.name}()"
        method.function = spec.function
        method.shortcut = NULL
        method.virtual_shortcut = NULL
        method.free_shortcut = NULL
        if spec.shortcut is not None:
            method.take_shortcut(spec.shortcut, spec.is_virtual)
        method.is_static = spec.is_static
        method.is_setter = spec.is_setter
        method.is_awaited = spec.is_awaited
        method.count = len(spec.arguments)
        method.defaults = tuple(spec.defaults)
        Arguments(method.defaults)  # Raises where one is no value that Godot can hold.
        method.required = method.count - len(method.defaults)
        method.returns = spec.returns is not None
        if method.returns:
            method.result_type = spec.returns.type
            method.result_class = (spec.returns.cls, spec.returns.class_name)
            method.returns_error = spec.returns.class_name == "Error"
        method.classes = tuple([(argument.cls, argument.class_name) for argument in spec.arguments])
        method.converters = tuple([argument.convert for argument in spec.arguments])
        for i in range(method.count):
            method.types[i] = spec.arguments[i].type
            method.takes_views[i] = spec.arguments[i].takes_views
            method.has_buffers = method.has_buffers or method.types[i] >= BUFFER_READ
        return method

    cdef int take_shortcut(self, capsule, bint is_virtual) except -1:
        if not is_virtual:
            self.shortcut = <Shortcut>PyCapsule_GetPointer(capsule, _SHORTCUT)
        elif isinstance(capsule, tuple):
            for one in capsule:
                self.take_shortcut(one, is_virtual)
        elif PyCapsule_IsValid(capsule, _FREE_SHORTCUT):
            self.free_shortcut = <FreeShortcut>PyCapsule_GetPointer(capsule, _FREE_SHORTCUT)
        else:
            self.virtual_shortcut = <VirtualShortcut>PyCapsule_GetPointer(capsule, _VIRTUAL_SHORTCUT)
        return 0

    cdef bint accepts(self, int i, value) except -1:
        """Whether an argument, if it is an Object, is of the class that is wanted."""
        return self.types[i] != OBJECT or is_of_class(value, self.classes[i])

    cdef int check_result(self, value) except -1:
        """TypeError for an Object that is not of the class that the method declares: the caller relies on that."""
        if self.result_type == OBJECT and not is_of_class(value, self.result_class):
            raise wrong_class(self.result_class, value)
        return 0

    cdef void report(self, exception) noexcept:
        """Tells the caller of a setter in one line what is wrong with the value; all else is a script error."""
        if self.is_setter and isinstance(exception, (TypeError, ValueError)):
            print_message("error", f"{self.where[:-2]}: {exception}", "", self.name)
        else:
            report_exception(self.where)

    cdef object argument(self, int i, value):
        converter = self.converters[i]
        return value if converter is None else converter(value)

    cdef object invoke(self, PyObject** stack, int size):
        """Calls the function with stack[0] as the instance and `size` arguments after it."""
        cdef object function = self.function
        if self.is_static:
            return PyObject_Vectorcall(function, stack + 1, size, NULL)
        if self.overrides is not None:
            function = self.overrides.get(type(<object>stack[0]), function)
        return PyObject_Vectorcall(function, stack, size + 1, NULL)


cdef bint is_of_class(value, tuple wanted) except -1:
    """Whether an Object may stand where that class is declared. The engine's word counts where Python does not know better."""
    cls, name = wanted
    if value is None or not name or (cls is not None and isinstance(value, cls)):
        return True
    return isinstance(value, Object) and VariantMethod.make(value, "is_class")(name)


cdef object wrong_class(tuple wanted, value):
    return TypeError(f"a {wanted[1]} is needed, not {type(value).__name__}")


cdef inline void push(PyObject** stack, int* size, value) noexcept:
    Py_INCREF(value)
    size[0] += 1
    stack[size[0]] = <PyObject*>value


cdef inline void drop(PyObject** stack, int size) noexcept:
    cdef int i
    for i in range(1, size + 1):
        Py_DECREF(<object>stack[i])
    left(stack[0])


cdef object argument_to_py(int wanted, const void* variant):
    """The Python value of an argument of the wanted type, converted as GDScript would; NotImplemented where it would not."""
    cdef int kind = gd.variant_get_type(variant)
    cdef Variant converted
    cdef GDExtensionCallError error
    if kind == wanted or wanted == VARIANT or (wanted == OBJECT and kind == NIL):
        return variant_to_py(variant)
    if not gd.variant_can_convert_strict(kind, wanted):
        return NotImplemented
    error.error = CALL_OK
    gd.variant_construct(wanted, &converted, &variant, 1, &error)
    return take_variant(&converted) if error.error == CALL_OK else NotImplemented


cdef bint call_shortcut(Method method, void* instance, const void** arguments, void* result) noexcept:
    """Whether the shortcut did it all."""
    cdef Slot slot
    try:
        if instance == NULL or (method.overrides is not None and type(<object><PyObject*>instance) in method.overrides):
            return False
        if not method.shortcut(<object><PyObject*>instance, arguments, <int64_t*>&slot):
            return False
    except BaseException:
        report_exception(method.where)
        default_result(method, &slot)
    put_variant(INT, &slot, result)
    return True


cdef bint call_virtual_shortcut(Method method, void* instance, const void** arguments, void* result) noexcept:
    """Whether the shortcut did it all."""
    cdef Slot slot
    try:
        return method.virtual_shortcut(<object><PyObject*>instance, arguments, result)
    except BaseException:
        report_exception(method.where)
        if method.returns:
            default_result(method, &slot)
            put_typed(method.result_type, &slot, result)
    return True


cdef void call_method(Method method, void* instance, const void** arguments, int64_t count, void* result,
                      GDExtensionCallError* error) noexcept:
    cdef PyObject* stack[MAX_ARGUMENTS + 1]
    cdef Slot slot
    cdef int size = 0
    cdef int result_type = method.result_type
    cdef int i
    error.error = CALL_OK
    if count > method.count or count < method.required:
        error.error = CALL_TOO_MANY_ARGUMENTS if count > method.count else CALL_TOO_FEW_ARGUMENTS
        error.expected = method.count if count > method.count else method.required
        return
    if instance == NULL and not method.is_static:
        error.error = CALL_INSTANCE_IS_NULL
        return
    stack[0] = entered(instance)
    try:
        for i in range(method.count):
            if i >= count:
                push(stack, &size, method.defaults[i - method.required])
                continue
            if method.takes_views[i]:
                value = variant_to_view(arguments[i])
            else:
                value = argument_to_py(method.types[i], arguments[i])
            if value is NotImplemented or not method.accepts(i, value):
                error.error = CALL_INVALID_ARGUMENT
                error.argument = i
                error.expected = method.types[i]
                return
            push(stack, &size, method.argument(i, value))
        value = method.invoke(stack, size)
        if method.returns:
            if method.is_awaited and isinstance(value, BoundSignal):
                result_type = SIGNAL  # GDScript awaits it, see declare.awaited; what it brings is what is declared.
            else:
                method.check_result(value)
            py_to_typed(result_type, value, &slot)
            put_variant(result_type, &slot, result)
    except BaseException as exception:
        method.report(exception)
        if method.returns:
            default_result(method, &slot)
            put_variant(method.result_type, &slot, result)
    finally:
        drop(stack, size)


cdef void put_variant(int kind, Slot* slot, void* result) noexcept:
    """Moves a value into the Variant that the engine takes it from; there is one already."""
    gd.variant_destroy(result)
    if kind == VARIANT:
        memcpy(result, slot, sizeof(Variant))
        return
    _variant_from[kind](result, slot)
    if _destroy[kind] != NULL:
        _destroy[kind](slot)


cdef void default_result(Method method, Slot* slot) noexcept:
    """Writes what a method returns that raised: never what its caller takes for an answer by mistake."""
    memset(slot, 0, sizeof(Slot))  # All zero is a nil Variant, and no Object.
    if method.returns_error:
        slot.words[0] = FAILED
    elif method.result_type != VARIANT and method.result_type != OBJECT:
        _construct_default[method.result_type](slot, NULL)


cdef void ptrcall_method(Method method, void* instance, const void** arguments, void* result) noexcept:
    cdef PyObject* stack[MAX_ARGUMENTS + 1]
    cdef Slot slot
    cdef int size = 0
    cdef bint returns = method.returns and result != NULL
    stack[0] = entered(instance)
    try:
        if method.has_buffers:
            value = invoke_with_buffers(method, stack, &size, arguments)
        else:
            push_typed(method, stack, &size, arguments)
            value = method.invoke(stack, size)
        if returns:
            method.check_result(value)
            py_to_typed(method.result_type, value, &slot)
            if method.result_type == OBJECT and value is not None and (<Object>value).counted:
                call_bool(_reference, (<Object>value).pointer)
            put_typed(method.result_type, &slot, result)
    except BaseException as exception:
        method.report(exception)
        if returns:
            default_result(method, &slot)
            put_typed(method.result_type, &slot, result)
    finally:
        drop(stack, size)


cdef int push_typed(Method method, PyObject** stack, int* size, const void** arguments) except -1:
    cdef int i
    for i in range(method.count):
        value = typed_to_py(method.types[i], arguments[i])
        if not method.accepts(i, value):
            raise wrong_class(method.classes[i], value)
        push(stack, size, method.argument(i, value))
    return 0


cdef void put_typed(int kind, Slot* slot, void* result) noexcept:
    """As put_variant, for a typed pointer."""
    if kind == VARIANT:
        gd.variant_destroy(result)
    elif _destroy[kind] != NULL:
        _destroy[kind](result)
    memcpy(result, slot, type_size(kind))


cdef size_t type_size(int kind) noexcept:
    if kind == BOOL:
        return 1
    if kind == VARIANT:
        return sizeof(Variant)
    if _scalars[kind]:
        return <size_t>_scalars[kind] * 4
    if kind == CALLABLE or kind == SIGNAL or kind >= PACKED_BYTE_ARRAY:
        return 16
    return 8
