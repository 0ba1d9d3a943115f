# Callable and Signal, both ways: a Python callable becomes a custom Callable, and comes back as the very same object.

from types import MethodType as _BoundMethod


cdef object python_callable(const void* callable):
    """The Python object inside a Callable that was made here, or None."""
    cdef void* userdata = gd.callable_custom_get_userdata(callable, _library)
    if userdata == NULL:
        return None
    function = <object><PyObject*>userdata
    return (<CountedMethod>function).bound() if type(function) is CountedMethod else function


cdef class CountedMethod:
    """A method of an instance that counts its references, as a Callable holds it: without being one of them.

    So it is with GDScript's own: an object that connects its signal to its method would never go otherwise.
    """

    cdef object function
    cdef uint64_t instance_id

    @staticmethod
    cdef CountedMethod make(method):
        cdef CountedMethod counted = CountedMethod.__new__(CountedMethod)
        counted.function = method.__func__
        counted.instance_id = (<Object>method.__self__).instance_id
        return counted

    cdef object bound(self):
        """The method, None if its object was freed."""
        owner = object_to_py(gd.object_get_instance_from_id(self.instance_id))
        return _BoundMethod(self.function, owner) if owner is not None else None

    @property
    def __qualname__(self):
        return self.function.__qualname__

    def __call__(self, *arguments):
        method = self.bound()
        if method is None:
            raise ReferenceError(f"the object of {self.__qualname__} was freed")
        return method(*arguments)

    def __eq__(self, other):
        return (type(other) is CountedMethod and self.instance_id == (<CountedMethod>other).instance_id
                and self.function == (<CountedMethod>other).function)

    def __hash__(self):
        return hash((self.function, self.instance_id))


cdef int callable_from_py(function, void* target) except -1:
    """Writes a new Callable. One of a method of a node is tied to that node: freeing it disconnects the Callable."""
    cdef GDExtensionCallableCustomInfo2 info
    if isinstance(function, VariantMethod) and isinstance((<VariantMethod>function).owner, Object):
        return method_callable_from_py(<VariantMethod>function, target)
    memset(&info, 0, sizeof(info))
    owner = getattr(function, "__self__", None)
    if isinstance(owner, Object):
        (<Object>owner).living()
        info.object_id = (<Object>owner).instance_id
        if (<Object>owner).counted and (<Object>owner).extension and type(function) is _BoundMethod:
            function = CountedMethod.make(function)
    Py_INCREF(function)
    info.callable_userdata = <void*><PyObject*>function
    info.token = _library
    info.call_func = <GDExtensionCallableCustomCall><void*>callable_call
    info.is_valid_func = <GDExtensionCallableCustomIsValid><void*>callable_is_valid
    info.free_func = <GDExtensionCallableCustomFree><void*>callable_free
    info.hash_func = <GDExtensionCallableCustomHash><void*>callable_hash
    info.equal_func = <GDExtensionCallableCustomEqual><void*>callable_equal
    info.to_string_func = <GDExtensionCallableCustomToString><void*>callable_to_string
    gd.callable_custom_create2(target, &info)
    return 0


cdef int method_callable_from_py(VariantMethod method, void* target) except -1:
    """Writes a new Callable of an engine method: the engine's own kind, which is equal to the one that GDScript makes."""
    cdef const void* arguments[2]
    cdef void* pointer = object_pointer(method.owner)
    arguments[0] = &pointer
    arguments[1] = string_name(method.name)
    gd.variant_get_ptr_constructor(CALLABLE, 2)(target, arguments)  # 2: from Object and StringName.
    return 0


cdef str callable_name(function):
    return f"the callable {getattr(function, '__qualname__', None) or type(function).__name__}"


cdef bint has_owner(function) except -1:
    """False for a method of an object that was freed."""
    if type(function) is CountedMethod:
        return gd.object_get_instance_from_id((<CountedMethod>function).instance_id) != NULL
    owner = getattr(function, "__self__", None)
    return not isinstance(owner, Object) or (<Object>owner).is_alive()


cdef enum:
    MAX_EMITTED = 8

MAX_SIGNAL_ARGUMENTS = MAX_EMITTED


cdef bint has_connections(void* pointer, const void* signal) noexcept:
    """Whether anybody listens; True where the engine cannot tell. Most signals of most objects have no listener."""
    cdef uint8_t result = 1
    if _has_connections != NULL:
        gd.object_method_bind_ptrcall(_has_connections, pointer, &signal, &result)
    return result != 0


cdef class BoundSignal:
    """A signal of one object: `emit`, `connect`, `disconnect`. It does not keep the object alive."""

    @staticmethod
    def of(Object owner, str name, int argument_count):
        """The signal `name` of `owner`, whose `emit` takes exactly `argument_count` arguments."""
        cdef BoundSignal signal = BoundSignal.__new__(BoundSignal)
        signal.pointer = owner.living()
        signal.instance_id = owner.instance_id
        signal.name = name
        signal.string_name = string_name(name)
        signal.argument_count = argument_count
        return signal

    cdef void* living(self) except NULL:
        if gd.object_get_instance_from_id(self.instance_id) != self.pointer:
            raise ReferenceError(f"the object of the signal {self.name} was freed")
        return self.pointer

    def emit(self, *arguments):
        """Emits the signal: handlers run before it returns. TypeError for a wrong number of arguments."""
        cdef PyObject* borrowed[MAX_EMITTED]
        cdef Py_ssize_t i
        if len(arguments) != self.argument_count or self.argument_count > MAX_EMITTED:
            raise TypeError(f"the signal {self.name} has {self.argument_count} arguments, {len(arguments)} given")
        for i in range(self.argument_count):
            borrowed[i] = <PyObject*>arguments[i]
        self.emit_values(borrowed)

    cdef int emit_values(self, PyObject** arguments) except -1:
        cdef Variant values[1 + MAX_EMITTED]
        cdef const void* pointers[1 + MAX_EMITTED]
        cdef Variant result
        cdef GDExtensionCallError error
        cdef Py_ssize_t i
        cdef Py_ssize_t made = 1
        if not has_connections(self.living(), self.string_name):
            return 0
        _variant_from[STRING_NAME](&values[0], self.string_name)
        try:
            for i in range(self.argument_count):
                py_to_variant(<object>arguments[i], &values[i + 1])
                made += 1
            for i in range(made):
                pointers[i] = &values[i]
            error.error = CALL_OK
            gd.variant_new_nil(&result)
            with nogil:  # A handler may wait for a thread that calls into Python.
                gd.object_method_bind_call(_emit_signal, self.pointer, pointers, made, &result, &error)
            gd.variant_destroy(&result)
        finally:
            for i in range(made):
                gd.variant_destroy(&values[i])
        return 0

    def connect(self, function, int flags=0):
        """Connects any callable; `flags` as Object.ConnectFlags."""
        return VariantMethod.make(object_to_py(self.living()), "connect")(self.name, function, flags)

    def disconnect(self, function):
        """Disconnects what `connect` connected."""
        VariantMethod.make(object_to_py(self.living()), "disconnect")(self.name, function)

    def is_connected(self, function) -> bool:
        """Whether that callable is connected."""
        return VariantMethod.make(object_to_py(self.living()), "is_connected")(self.name, function)

    def __repr__(self):
        return f"<signal {self.name}>"


cdef int signal_from_py(BoundSignal signal, void* target) except -1:
    """Writes a new Signal."""
    cdef const void* arguments[2]
    cdef void* pointer = signal.living()
    arguments[0] = &pointer
    arguments[1] = string_name(signal.name)
    gd.variant_get_ptr_constructor(SIGNAL, 2)(target, arguments)  # 2: from Object and StringName.
    return 0
