# Every function that the engine calls, and no other: here C that is not ours comes into Python. The rule for each:
#
# - It asks `_alive` first, and does nothing once that is False: the engine lets go of things until its very end, when Python is
#   gone and asking for the GIL would crash. So each is a door without the GIL, before the function that takes it.
# - That function is `noexcept with gil`, and what may raise in it stands in a `try` that ends in report_exception: no exception
#   crosses into the engine. (That of a method is reported in methods.pxi, where it is known what its caller gets instead.)
# - One that takes no GIL says why.


# --------------------------------------------------------------------------------------------- construction and lifetime

cdef void* create_instance(void* userdata, GDExtensionBool notify) noexcept nogil:
    return create_in_python(<ClassTable*>userdata) if _alive else NULL


cdef void* create_in_python(ClassTable* table) noexcept with gil:
    try:
        return new_instance(<ClassData>table.data)
    except BaseException:
        report_exception((<ClassData>table.data).name)
    return gd.classdb_construct_object2(string_name("RefCounted" if (<ClassData>table.data).counted else "Object"))


cdef void free_instance(void* userdata, void* instance) noexcept nogil:
    if _alive:
        free_in_python(<PyObject*>instance)


cdef void free_in_python(PyObject* instance) noexcept with gil:
    freed(instance)


cdef void reference(void* instance) noexcept nogil:
    """Called when the engine's count rises to 2, as it does for the first reference that it takes. Only then there is anything
    to do, and for what the engine made itself: what that is asked takes no GIL, for the engine counts on any thread, at any time.
    """
    if _alive and (<Object><PyObject*>instance).keeper == BY_BOTH:
        reference_in_python(<PyObject*>instance)


cdef void reference_in_python(PyObject* instance) noexcept with gil:
    first_reference(instance)


# ------------------------------------------------------------------------------------------------ methods, virtuals, notifications

cdef void method_call(void* userdata, void* instance, const void** arguments, int64_t count, void* result,
                      GDExtensionCallError* error) noexcept nogil:
    if _alive:
        call_in_python(userdata, instance, arguments, count, result, error)
    else:
        error.error = CALL_INSTANCE_IS_NULL


cdef void call_in_python(void* userdata, void* instance, const void** arguments, int64_t count, void* result,
                         GDExtensionCallError* error) noexcept with gil:
    cdef Method method = <Method><PyObject*>userdata
    if method.shortcut == NULL or count != method.count or not call_shortcut(method, instance, arguments, result):
        call_method(method, instance, arguments, count, result, error)
    else:
        error.error = CALL_OK


cdef void method_ptrcall(void* userdata, void* instance, const void** arguments, void* result) noexcept nogil:
    if _alive:
        ptrcall_in_python(userdata, instance, arguments, result)


cdef void ptrcall_in_python(void* userdata, void* instance, const void** arguments, void* result) noexcept with gil:
    cdef Method method = <Method><PyObject*>userdata
    if method.virtual_shortcut == NULL or not call_virtual_shortcut(method, instance, arguments, result):
        ptrcall_method(method, instance, arguments, result)


cdef void* virtual_data(void* userdata, const void* name, uint32_t hash) noexcept nogil:
    """Asked for each virtual of each class: answered from a table that does not change, without the GIL."""
    cdef ClassTable* table = <ClassTable*>userdata
    cdef int i
    if not _alive:
        return NULL
    for i in range(table.count):
        if table.virtuals[i].name == (<void* const*>name)[0] and table.virtuals[i].hash == hash:
            return table.virtuals[i].method
    return NULL


cdef void call_virtual(void* instance, const void* name, void* userdata, const void** arguments, void* result) noexcept nogil:
    """What has a shortcut without the GIL takes none where that does it all: it lets no exception out, and calls no Python."""
    cdef FreeShortcut shortcut = (<Method><PyObject*>userdata).free_shortcut
    cdef void* memory
    if shortcut != NULL and _alive:
        memory = (<Object><PyObject*>instance).memory
        if memory != NULL and shortcut(memory, arguments, result):
            return
    method_ptrcall(userdata, instance, arguments, result)


cdef void notification(void* instance, int32_t what, GDExtensionBool reversed) noexcept nogil:
    if _alive and what != NOTIFICATION_POSTINITIALIZE:  # For Python that moment is __init__.
        notify_in_python(instance, what)


cdef void notify_in_python(void* instance, int32_t what) noexcept with gil:
    cdef PyObject* held = entered(instance)
    try:
        notify(<Object>held, what)
    except BaseException:
        report_exception(f"{type(<Object>held).__name__}._notification()")
    left(held)


# ------------------------------------------------------------------------------------------------------------- callables

cdef void callable_call(void* userdata, const void** arguments, int64_t count, void* result,
                        GDExtensionCallError* error) noexcept nogil:
    if _alive:
        call_callable(userdata, arguments, count, result, error)
    else:
        error.error = CALL_INSTANCE_IS_NULL


cdef void call_callable(void* userdata, const void** arguments, int64_t count, void* result,
                        GDExtensionCallError* error) noexcept with gil:
    cdef Variant returned
    error.error = CALL_OK
    function = <object><PyObject*>userdata
    try:
        value = function(*[variant_to_py(arguments[i]) for i in range(count)])
        py_to_variant(value, &returned)
        gd.variant_destroy(result)
        memcpy(result, &returned, sizeof(Variant))
    except BaseException:
        report_exception(callable_name(function))


cdef GDExtensionBool callable_is_valid(void* userdata) noexcept nogil:
    return callable_has_owner(userdata) if _alive else 0


cdef GDExtensionBool callable_has_owner(void* userdata) noexcept with gil:
    try:
        return has_owner(<object><PyObject*>userdata)
    except BaseException:
        return 0


cdef void callable_free(void* userdata) noexcept nogil:
    if _alive:
        callable_release(userdata)


cdef void callable_release(void* userdata) noexcept with gil:
    Py_DECREF(<object><PyObject*>userdata)


cdef uint32_t callable_hash(void* userdata) noexcept nogil:
    return callable_hash_in_python(userdata) if _alive else 0


cdef uint32_t callable_hash_in_python(void* userdata) noexcept with gil:
    try:
        return <uint32_t>(hash(<object><PyObject*>userdata) & 0xFFFFFFFF)
    except BaseException:  # An unhashable callable: its address will do.
        return <uint32_t>(<uintptr_t>userdata & 0xFFFFFFFF)


cdef GDExtensionBool callable_equal(void* left, void* right) noexcept nogil:
    return 1 if left == right or (_alive and callable_equal_in_python(left, right)) else 0


cdef bint callable_equal_in_python(void* left, void* right) noexcept with gil:
    try:
        return 1 if (<object><PyObject*>left) == (<object><PyObject*>right) else 0
    except BaseException:  # Comparing them raises: they are two.
        return 0


cdef void callable_to_string(void* userdata, GDExtensionBool* valid, void* string) noexcept nogil:
    valid[0] = 0
    if _alive:
        callable_told_in_python(userdata, valid, string)


cdef void callable_told_in_python(void* userdata, GDExtensionBool* valid, void* string) noexcept with gil:
    cdef uint64_t text = 0
    try:
        string_from_py(f"Python:{getattr(<object><PyObject*>userdata, '__qualname__', 'callable')}", &text)
        _destroy[STRING](string)
        (<uint64_t*>string)[0] = text
        valid[0] = 1
    except BaseException:
        report_exception("the name of a callable")


# ------------------------------------------------------------------------------------------------------------ the main loop

cdef void main_loop_frame() noexcept nogil:
    global _frame_wanted
    if _alive and _frame_wanted:
        _frame_wanted = False
        call_hook(True)


cdef void main_loop_shutdown() noexcept nogil:
    if _alive:
        call_hook(False)


cdef void call_hook(bint is_frame) noexcept with gil:
    try:
        _frame() if is_frame else _shutdown()
    except BaseException:
        report_exception("the end of a frame" if is_frame else "the end of the main loop")
