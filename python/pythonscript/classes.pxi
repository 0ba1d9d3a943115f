# Python classes as ClassDB classes: registration from a ClassSpec (declare.py), construction, and the way of a call from the
# engine to a Python method. Three doors lead in: `call` (untyped GDScript: raw Variants, count and types checked here),
# `ptrcall` (typed GDScript: typed pointers) and virtuals (`_process` and the like, as ptrcall).

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New

cdef extern from "Python.h":
    object PyObject_Vectorcall(object, PyObject**, size_t, PyObject*)

cdef enum:
    MAX_ARGUMENTS = 16  # More than any virtual of the engine has.
    FAILED = 1  # Of the enum Error.
    METHOD_NORMAL = 1
    METHOD_CONST = 4
    METHOD_STATIC = 32

ctypedef struct VirtualEntry:
    void* name  # What the engine's StringName points at: equal names are one pointer.
    uint32_t hash
    PyObject* method

ctypedef struct ClassTable:  # The class userdata: what is read without the GIL, and the way back to the Python side.
    PyObject* data
    VirtualEntry* virtuals
    int count

cdef dict _registered = {}  # Python class -> ClassData, in order of registration


cdef class ClassData:
    """What the engine's callbacks need of one registered class. Lives as long as the extension."""

    cdef object cls
    cdef str name
    cdef bint counted
    cdef NotificationShortcut notification_shortcut
    cdef ClassTable table
    cdef list methods  # These two keep every Method alive whose address the engine holds.
    cdef list virtuals

    def __dealloc__(self):
        free(self.table.virtuals)


cdef const char* _SHORTCUT = "pythonscript.Shortcut"
cdef const char* _NOTIFICATION_SHORTCUT = "pythonscript.NotificationShortcut"


cdef object shortcut_capsule(Shortcut function):
    return PyCapsule_New(<void*>function, _SHORTCUT, NULL)


cdef object notification_shortcut_capsule(NotificationShortcut function):
    return PyCapsule_New(<void*>function, _NOTIFICATION_SHORTCUT, NULL)


cdef class Method:
    """One Python function with the types that Godot calls it with."""

    cdef str name
    cdef str where
    cdef object function
    cdef Shortcut shortcut
    cdef dict overrides  # Derived Python class -> its function, once there is one: the engine may call through the parent's.
    cdef bint is_static
    cdef bint is_setter
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
        if spec.shortcut is not None:
            method.shortcut = <Shortcut>PyCapsule_GetPointer(spec.shortcut, _SHORTCUT)
        method.is_static = spec.is_static
        method.is_setter = spec.is_setter
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


cdef void method_call(void* userdata, void* instance, const void** arguments, int64_t count, void* result,
                      GDExtensionCallError* error) noexcept with gil:
    cdef Method method = <Method><PyObject*>userdata
    if method.shortcut == NULL or count != method.count or not call_shortcut(method, instance, arguments, result):
        call_method(method, instance, arguments, count, result, error)
    else:
        error.error = CALL_OK


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


cdef void call_method(Method method, void* instance, const void** arguments, int64_t count, void* result,
                      GDExtensionCallError* error) noexcept:
    cdef PyObject* stack[MAX_ARGUMENTS + 1]
    cdef Slot slot
    cdef int size = 0
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
            method.check_result(value)
            py_to_typed(method.result_type, value, &slot)
            put_variant(method.result_type, &slot, result)
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


cdef void method_ptrcall(void* userdata, void* instance, const void** arguments, void* result) noexcept with gil:
    cdef Method method = <Method><PyObject*>userdata
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


# -------------------------------------------------------------------------------------------- construction and lifetime

cdef void* create_instance(void* userdata, GDExtensionBool notify) noexcept with gil:
    cdef ClassData data = <ClassData>(<ClassTable*>userdata).data
    cdef Object instance = None
    try:
        instance = data.cls.__new__(data.cls)
        instance.__init__()
    except BaseException:
        report_exception(f"{data.name}.__init__()")
    if instance is None:
        return gd.classdb_construct_object2(string_name("RefCounted" if data.counted else "Object"))
    if instance.counted:
        instance.keeper = BY_BOTH
        Py_INCREF(instance)
    return instance.pointer


cdef void reference(void* instance) noexcept nogil:
    """Called when the engine's count rises to 2, as it does for the first reference that the engine takes, see counted.pxi."""
    if (<Object><PyObject*>instance).keeper == BY_BOTH and _alive:
        first_reference(<PyObject*>instance)


cdef void free_instance(void* userdata, void* instance) noexcept nogil:
    if _alive:
        release_instance(instance)


cdef void release_instance(void* instance) noexcept with gil:
    cdef PyObject* owner = <PyObject*>instance
    (<Object>owner).pointer = NULL
    if (<Object>owner).keeper != BY_PYTHON:
        (<Object>owner).keeper = BY_PYTHON
        Py_DECREF(<object>owner)


cdef void notification(void* instance, int32_t what, GDExtensionBool reversed) noexcept nogil:
    if what != NOTIFICATION_POSTINITIALIZE and _alive:  # For Python that moment is __init__.
        notification_to_py(instance, what)


cdef void notification_to_py(void* instance, int32_t what) noexcept with gil:
    cdef PyObject* held = entered(instance)
    try:
        notify(<Object>held, what)
    except BaseException:
        report_exception(f"{type(<Object>held).__name__}._notification()")
    left(held)


cdef int notify(Object owner, int32_t what) except -1:
    if owner.notification_shortcut == NULL or not owner.notification_shortcut(owner, what):
        owner._notification(what)
    return 0


cdef void* virtual_data(void* userdata, const void* name, uint32_t hash) noexcept nogil:
    """Asked for each virtual of each class: answered from a table, without the GIL."""
    cdef ClassTable* table = <ClassTable*>userdata
    cdef int i
    for i in range(table.count):
        if table.virtuals[i].name == (<void* const*>name)[0] and table.virtuals[i].hash == hash:
            return table.virtuals[i].method
    return NULL


cdef void call_virtual(void* instance, const void* name, void* userdata, const void** arguments, void* result) noexcept nogil:
    method_ptrcall(userdata, instance, arguments, result)


# ---------------------------------------------------------------------------------------------------------- registration

cdef class PropertyInfos:
    """PropertyInfo structs for the engine, with the Strings that they point at."""

    cdef GDExtensionPropertyInfo* infos
    cdef GDExtensionClassMethodArgumentMetadata* metadata
    cdef uint64_t* hints
    cdef int count

    def __cinit__(self, specs):
        cdef int i
        self.count = len(specs)
        self.infos = <GDExtensionPropertyInfo*>calloc(self.count + 1, sizeof(GDExtensionPropertyInfo))
        self.metadata = <GDExtensionClassMethodArgumentMetadata*>calloc(self.count + 1, sizeof(int))
        self.hints = <uint64_t*>calloc(self.count + 1, sizeof(uint64_t))
        for i, spec in enumerate(specs):
            string_from_py(spec.hint_string, &self.hints[i])
            self.infos[i].type = NIL if spec.type == VARIANT else spec.type
            self.infos[i].name = string_name(spec.name)
            self.infos[i].class_name = string_name(spec.class_name)
            self.infos[i].hint = spec.hint
            self.infos[i].hint_string = &self.hints[i]
            self.infos[i].usage = spec.usage

    def __dealloc__(self):
        cdef int i
        for i in range(self.count):
            _destroy[STRING](&self.hints[i])
        free(self.infos)
        free(self.metadata)
        free(self.hints)


def register_class(spec):
    """Registers one class with the engine from its ClassSpec, parents first."""
    cdef GDExtensionClassCreationInfo4 info
    cdef ClassData data = ClassData()
    cdef uint64_t icon = 0
    data.cls = spec.cls
    data.name = spec.name
    data.counted = spec.cls.__refcounted__
    data.notification_shortcut = NULL
    if spec.notification_shortcut is not None:
        data.notification_shortcut = <NotificationShortcut>PyCapsule_GetPointer(
            spec.notification_shortcut, _NOTIFICATION_SHORTCUT)
    data.methods = [Method.make(spec.name, method) for method in spec.methods]
    data.virtuals = []
    fill_virtuals(data, spec.virtuals)
    memset(&info, 0, sizeof(info))
    string_from_py(spec.icon, &icon)
    info.is_exposed = 1
    info.is_runtime = 0 if spec.tool else 1
    info.icon_path = &icon if spec.icon else NULL
    info.create_instance_func = <GDExtensionClassCreateInstance2><void*>create_instance
    info.free_instance_func = <GDExtensionClassFreeInstance><void*>free_instance
    info.get_virtual_call_data_func = <GDExtensionClassGetVirtualCallData2><void*>virtual_data
    info.call_virtual_with_data_func = <GDExtensionClassCallVirtualWithData><void*>call_virtual
    if data.counted:
        info.reference_func = <GDExtensionClassReference><void*>reference
    if spec.has_notification:
        info.notification_func = <GDExtensionClassNotification2><void*>notification
    info.class_userdata = &data.table
    gd.classdb_register_extension_class(_library, string_name(spec.name), string_name(spec.parent), &info)
    _destroy[STRING](&icon)
    _registered[spec.cls] = data
    register_constants(spec)
    for method, method_spec in zip(data.methods, spec.methods):
        register_method(data.name, method, method_spec)
    note_overrides(data)
    for signal in spec.signals:
        register_signal(spec.name, signal)
    register_properties(spec)


cdef int fill_virtuals(ClassData data, virtuals) except -1:
    cdef Method method
    cdef VirtualEntry* entry = <VirtualEntry*>calloc(len(virtuals) + 1, sizeof(VirtualEntry))
    data.table.data = <PyObject*>data
    data.table.virtuals = entry
    for hash, spec in virtuals:
        method = Method.make(data.name, spec)
        data.virtuals.append(method)
        entry.name = (<void**>string_name(spec.name))[0]
        entry.hash = hash
        entry.method = <PyObject*>method
        entry += 1
        data.table.count += 1
    return 0


cdef int register_constants(spec) except -1:
    for enum, name, value in spec.constants:
        gd.classdb_register_extension_class_integer_constant(
            _library, string_name(spec.name), string_name(enum), string_name(name), value, 0)
    return 0


cdef int note_overrides(ClassData data) except -1:
    """Tells the methods of the registered parents what they are called in this class."""
    cdef Method method
    cdef dict functions = {}
    for cls in data.cls.__mro__:
        for method in (<ClassData>_registered[cls]).methods if cls in _registered else ():
            if functions.setdefault(method.name, method.function) is not method.function:
                if method.overrides is None:
                    method.overrides = {}
                method.overrides[data.cls] = functions[method.name]
    return 0


cdef int register_method(str class_name, Method method, spec) except -1:
    cdef PropertyInfos arguments = PropertyInfos(spec.arguments)
    cdef PropertyInfos returns = PropertyInfos([spec.returns] if method.returns else [])
    cdef Arguments defaults = Arguments(method.defaults)
    cdef GDExtensionClassMethodInfo info
    memset(&info, 0, sizeof(info))
    info.name = string_name(spec.name)
    info.method_userdata = <void*><PyObject*>method
    info.call_func = <GDExtensionClassMethodCall><void*>method_call
    info.ptrcall_func = <GDExtensionClassMethodPtrCall><void*>method_ptrcall
    info.method_flags = METHOD_NORMAL | (METHOD_STATIC if spec.is_static else 0) | (METHOD_CONST if spec.is_const else 0)
    info.has_return_value = method.returns
    info.return_value_info = returns.infos
    info.argument_count = method.count
    info.arguments_info = arguments.infos
    info.arguments_metadata = arguments.metadata
    info.default_argument_count = <uint32_t>defaults.count
    info.default_arguments = <void**>defaults.pointers
    gd.classdb_register_extension_class_method(_library, string_name(class_name), &info)
    return 0


cdef int register_signal(str class_name, spec) except -1:
    cdef PropertyInfos arguments = PropertyInfos(spec.arguments)
    gd.classdb_register_extension_class_signal(
        _library, string_name(class_name), string_name(spec.name), arguments.infos, arguments.count)
    return 0


cdef int register_properties(spec) except -1:
    cdef PropertyInfos info
    cdef uint64_t title = 0
    cdef uint64_t prefix = 0
    for property in spec.properties:
        if property.group is not None or property.subgroup is not None:
            string_from_py(property.group if property.group is not None else property.subgroup, &title)
            if property.group is not None:
                gd.classdb_register_extension_class_property_group(_library, string_name(spec.name), &title, &prefix)
            else:
                gd.classdb_register_extension_class_property_subgroup(_library, string_name(spec.name), &title, &prefix)
            _destroy[STRING](&title)
        info = PropertyInfos([property.info])
        gd.classdb_register_extension_class_property(
            _library, string_name(spec.name), info.infos, string_name(property.setter), string_name(property.getter))
    return 0


def unregister_classes():
    """Unregisters all classes, children before parents."""
    for data in reversed(list(_registered.values())):
        gd.classdb_unregister_extension_class(_library, string_name((<ClassData>data).name))


def load_help(str xml):
    """Hands documentation in Godot's class reference XML to the editor. Only the EDITOR level takes it."""
    if gd.editor_help_load_xml_from_utf8_chars != NULL:
        gd.editor_help_load_xml_from_utf8_chars(xml.encode())
