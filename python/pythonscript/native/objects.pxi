# Engine objects in Python: a proxy is {pointer, instance id} and is checked at each use, so a freed object raises and never
# crashes. An instance of a Python class *is* its proxy: the engine object owns it from construction until it is freed, or they
# share one life, see counted.pxi.

cdef extern from "Python.h":
    int PyObject_GenericSetAttr(object, object, object) except -1

cdef object _class_of_name = None  # godot.engine_class
cdef const void* _reference = NULL  # Method binds of RefCounted and Object.
cdef const void* _unreference = NULL
cdef const void* _init_ref = NULL
cdef const void* _get_reference_count = NULL
cdef const void* _emit_signal = NULL
cdef const void* _notification = NULL
cdef const void* _has_connections = NULL  # NULL in an engine without it.
cdef void* _engine = NULL  # The singleton Engine, which is there as long as the extension is, and binds of its methods.
cdef const void* _process_frames = NULL
cdef const void* _physics_frames = NULL


def set_class_factory(factory):
    """Tells what makes the Python class for an engine class name (called once, by godot.py)."""
    global _class_of_name
    _class_of_name = factory


cdef int load_object_binds() except -1:
    global _reference, _unreference, _init_ref, _get_reference_count, _emit_signal, _notification, _has_connections
    global _engine, _process_frames, _physics_frames
    _reference = method_bind("RefCounted", "reference")
    _unreference = method_bind("RefCounted", "unreference")
    _init_ref = method_bind("RefCounted", "init_ref")
    _get_reference_count = method_bind("RefCounted", "get_reference_count")
    _emit_signal = method_bind("Object", "emit_signal")
    _notification = method_bind("Object", "notification")
    _engine = gd.global_get_singleton(string_name("Engine"))
    _process_frames = method_bind("Engine", "get_process_frames")
    _physics_frames = method_bind("Engine", "get_physics_frames")
    if "Object.has_connections" in _api.METHOD_HASHES:
        _has_connections = method_bind("Object", "has_connections")
    return 0


cdef const void* method_bind(str cls, str method) except NULL:
    cdef const void* bind = gd.classdb_get_method_bind(string_name(cls), string_name(method), _api.METHOD_HASHES[f"{cls}.{method}"])
    if bind == NULL:
        raise RuntimeError(f"this Godot has another {cls}.{method} than the one built for: build the addon again with this engine")
    return bind


cdef bint is_so(Object instance, const void* method) except -1:
    cdef uint8_t answer = 0
    gd.object_method_bind_ptrcall(method, instance.living(), NULL, &answer)
    return answer != 0


cdef class _Pointer:
    """The engine object that a new proxy is to stand for: the argument of Object's constructor that only the bridge has."""

    cdef void* value


cdef object object_to_py(void* pointer):
    """The Python instance of a Python class, or a new proxy for any other object. None for NULL."""
    cdef _Pointer adopted
    cdef void* instance
    cdef uint64_t name = 0
    if pointer == NULL:
        return None
    instance = gd.object_get_instance_binding(pointer, _library, NULL)
    if instance != NULL:
        result = <object><PyObject*>instance
        take(<PyObject*>instance)
        return result
    gd.object_get_class_name(pointer, _library, &name)
    cls = _class_of_name(string_like_to_py(STRING_NAME, &name))
    _destroy[STRING_NAME](&name)
    adopted = _Pointer.__new__(_Pointer)
    adopted.value = pointer
    return cls.__new__(cls, adopted)


cdef void* living_object(void* pointer) noexcept:
    """A pointer that typed GDScript passes, NULL if its object was freed: GDScript does not look. An id that is found is right."""
    if pointer == NULL or gd.object_get_instance_from_id(gd.object_get_instance_id(pointer)) != pointer:
        return NULL
    return pointer


cdef void* object_pointer(value) except? NULL:
    """The pointer of a living object, NULL for None; ReferenceError when it was freed."""
    if value is None:
        return NULL
    if not isinstance(value, Object):
        raise TypeError(f"an engine object is needed, not {type(value).__name__}")
    return (<Object>value).living()


cdef int object_variant(value, Variant* variant) except -1:
    cdef void* pointer = object_pointer(value)
    _variant_from[OBJECT](variant, &pointer)
    if pointer != NULL and (<Object>value).counted and gd.variant_get_object_instance_id(variant) == 0:
        raise ReferenceError(f"this {type(value).__name__} is being freed: the engine takes no more references to it")
    return 0


cdef class Object:
    """Any object of the engine. Its methods, properties and signals are there under their Godot names.

    Using one that was freed raises ReferenceError; `is_instance_valid()` asks without raising.
    """

    def __cinit__(self, *arguments, **keywords):
        cls = type(self)
        if arguments and type(arguments[0]) is _Pointer and (<_Pointer>arguments[0]).value != NULL:
            self.pointer = (<_Pointer>arguments[0]).value
            self.counted = cls.__refcounted__
            if self.counted:
                call_bool(_reference, self.pointer)
        else:
            self.construct(cls)
        self.instance_id = gd.object_get_instance_id(self.pointer)

    cdef int construct(self, cls) except -1:
        cdef ClassData data = _registered.get(cls)
        cdef GDExtensionInstanceBindingCallbacks* callbacks = &_no_callbacks
        if data is None and cls.__engine_name__ != cls.__name__:
            raise TypeError(f"{cls.__name__} is not registered: declare it in a module that the project setting "
                            "python/modules names")
        self.pointer = gd.classdb_construct_object2(string_name(cls.__engine_name__))
        if self.pointer == NULL:
            raise TypeError(f"{cls.__engine_name__} cannot be instantiated")
        self.counted = cls.__refcounted__
        if data is not None:
            self.extension = True
            self.notification_shortcut = data.notification_shortcut
            if not self.counted:
                self.keeper = BY_ENGINE
                Py_INCREF(self)  # Given back by free_instance.
            gd.object_set_instance(self.pointer, string_name(data.name), <void*><PyObject*>self)
            gd.object_set_instance_binding(self.pointer, _library, <void*><PyObject*>self, callbacks)
        if self.counted:
            call_bool(_init_ref, self.pointer)
        post_initialize(self.pointer)
        return 0

    def __del__(self):
        # Python's last reference goes; it comes back here each time that the engine kept the instance, see counted.pxi.
        if self.extension:
            self.release()

    def __dealloc__(self):
        if not self.extension:
            self.release()

    cdef void release(self) noexcept:
        """Gives the reference back, if this holds one. A proxy counts as freed then."""
        cdef void* pointer = self.pointer
        if not (self.counted and self.keeper == BY_PYTHON and pointer != NULL and _alive):
            return
        if self.extension:
            leave(<PyObject*>self)
        else:
            self.pointer = NULL
            if call_bool(_unreference, pointer):
                gd.object_destroy(pointer)

    cdef void* living(self) except NULL:
        if not self.is_alive():
            raise ReferenceError(f"this {type(self).__name__} was freed: check is_instance_valid() before using it")
        return self.pointer

    cdef bint is_alive(self) noexcept:
        if self.pointer == NULL or self.extension:
            return self.pointer != NULL  # free_instance clears the pointer of a Python instance.
        return gd.object_get_instance_from_id(self.instance_id) == self.pointer

    def is_instance_valid(self) -> bool:
        """Whether the engine object still exists."""
        return self.is_alive()

    def _get_missing(self, str name):
        """The engine's method, property, signal or constant of that name: for attributes that Python does not find.

        godot.Object makes it its `__getattr__`. Here it would slow down every attribute of every instance: CPython then
        calls this type's own look-up through a wrapper object.
        """
        cdef Variant variant
        cdef Variant result
        cdef uint8_t valid = 0
        cdef void* godot_name
        if name.startswith("__"):
            raise AttributeError(name)
        godot_name = string_name(name)
        object_variant(self, &variant)
        if gd.variant_has_method(&variant, godot_name):
            gd.variant_destroy(&variant)
            return VariantMethod.make(self, name)
        with nogil:  # A getter of a script may wait for a thread that calls into Python.
            gd.variant_get_named(&variant, godot_name, &result, &valid)
            gd.variant_destroy(&variant)
        if valid:
            return take_variant(&result)
        try:
            return getattr(type(self), name)  # Constants of the class.
        except AttributeError:
            raise AttributeError(f"{type(self).__name__} has no method, property or signal {name}") from None

    def __setattr__(self, str name, value):
        if self.extension:
            PyObject_GenericSetAttr(self, name, value)
        else:
            self._set_property(name, value)

    def _set_property(self, str name, value):
        """Sets an engine property (Object.set, but an unknown name or a value of the wrong type raises)."""
        cdef Variant variant
        cdef Variant py_value
        cdef uint8_t valid = 0
        cdef void* godot_name = string_name(name)
        object_variant(self, &variant)
        try:
            py_to_variant(value, &py_value)
            with nogil:
                gd.variant_set_named(&variant, godot_name, &py_value, &valid)
                gd.variant_destroy(&py_value)
        finally:
            gd.variant_destroy(&variant)
        if not valid:
            raise AttributeError(f"{type(self).__name__} has no property {name}, or it does not take a {type(value).__name__}")

    def _get_property(self, str name):
        cdef Variant variant
        cdef Variant result
        cdef uint8_t valid = 0
        cdef void* godot_name = string_name(name)
        object_variant(self, &variant)
        with nogil:
            gd.variant_get_named(&variant, godot_name, &result, &valid)
            gd.variant_destroy(&variant)
        return take_variant(&result)

    def __eq__(self, other):
        return self.instance_id == (<Object>other).instance_id if isinstance(other, Object) else NotImplemented

    def __hash__(self):
        return hash(self.instance_id)

    def __repr__(self):
        return f"<{type(self).__name__}#{self.instance_id}{'' if self.is_alive() else ' (freed)'}>"


cdef enum:
    NOTIFICATION_POSTINITIALIZE = 0

cdef GDExtensionInstanceBindingCallbacks _no_callbacks
memset(&_no_callbacks, 0, sizeof(_no_callbacks))


cdef bint call_bool(const void* bind, void* pointer) noexcept:
    cdef uint8_t result = 0
    gd.object_method_bind_ptrcall(bind, pointer, NULL, &result)
    return result != 0


cdef void post_initialize(void* pointer) noexcept:
    """Tells a new engine object that it is whole, which classdb_construct_object2 leaves to us: a Control is inert before."""
    cdef int64_t what = NOTIFICATION_POSTINITIALIZE
    cdef uint8_t reversed = 0
    cdef const void* arguments[2]
    arguments[0] = &what
    arguments[1] = &reversed
    gd.object_method_bind_ptrcall(_notification, pointer, arguments, NULL)


def release_all(list objects):
    """Lets go of what those among `objects` hold of the engine, at its end: what module globals keep would leak there."""
    for value in objects:
        if issubclass(type(value), Object):
            (<Object>value).release()
        elif issubclass(type(value), Builtin):
            (<Builtin>value).release()


cdef class StoredValue:
    """A descriptor that keeps its value in the instance's `__dict__`, and is quick to read: the base of `declare.Export`."""

    cdef public str name
    cdef public object changed  # Called with the instance whenever a value was assigned; or None.

    def __get__(self, instance, owner):
        cdef dict values
        if instance is None:
            return self
        values = instance.__dict__
        if self.name not in values:
            values[self.name] = self._first_value()
        return values[self.name]

    def __set__(self, instance, value):
        instance.__dict__[self.name] = value
        if self.changed is not None:
            self.changed(instance)


def get_singleton(str name):
    """The engine singleton of that name, such as Engine or ProjectSettings; None when there is none."""
    return object_to_py(gd.global_get_singleton(string_name(name)))
