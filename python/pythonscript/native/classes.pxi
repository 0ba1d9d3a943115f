# Python classes as ClassDB classes: registration from a ClassSpec (describe/declare.py), and construction for the engine.

cdef enum:
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


cdef void* new_instance(ClassData data) except? NULL:
    """Makes what the engine asked for. It gets an instance whose `__init__` raised, too: it takes no other answer."""
    cdef Object instance = data.cls.__new__(data.cls)
    try:
        instance.__init__()
    except BaseException:
        report_exception(f"{data.name}.__init__()")
    if instance.counted:
        instance.keeper = BY_BOTH
        Py_INCREF(instance)
    return instance.pointer


cdef int notify(Object owner, int32_t what) except -1:
    if owner.notification_shortcut == NULL or not owner.notification_shortcut(owner, what):
        owner._notification(what)
    return 0


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
    info.is_virtual = 0 if spec.creatable else 1
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
            string_from_py(property.prefix, &prefix)
            if property.group is not None:
                gd.classdb_register_extension_class_property_group(_library, string_name(spec.name), &title, &prefix)
            else:
                gd.classdb_register_extension_class_property_subgroup(_library, string_name(spec.name), &title, &prefix)
            _destroy[STRING](&title)
            _destroy[STRING](&prefix)
        info = PropertyInfos([property.info])
        gd.classdb_register_extension_class_property(
            _library, string_name(spec.name), info.infos, string_name(property.setter), string_name(property.getter))
    return 0


cdef int unregister_classes() except -1:
    """Unregisters all classes, children before parents."""
    for data in reversed(list(_registered.values())):
        gd.classdb_unregister_extension_class(_library, string_name((<ClassData>data).name))
    return 0


def load_help(str xml):
    """Hands documentation in Godot's class reference XML to the editor. Only the EDITOR level takes it."""
    if gd.editor_help_load_xml_from_utf8_chars != NULL:
        gd.editor_help_load_xml_from_utf8_chars(xml.encode())
