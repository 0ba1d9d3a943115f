# The engine's C interface as Cython sees it: types, the function table `gd` (godot_interface.h) and the Variant memory layout.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memchr, memcpy, memset
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF

cdef extern from "native/godot_interface.h" nogil:
    ctypedef uint32_t char32_t
    ctypedef uint8_t GDExtensionBool
    ctypedef int GDExtensionVariantType
    ctypedef int GDExtensionVariantOperator
    ctypedef enum GDExtensionCallErrorType:
        CALL_OK "GDEXTENSION_CALL_OK"
        CALL_INVALID_METHOD "GDEXTENSION_CALL_ERROR_INVALID_METHOD"
        CALL_INVALID_ARGUMENT "GDEXTENSION_CALL_ERROR_INVALID_ARGUMENT"
        CALL_TOO_MANY_ARGUMENTS "GDEXTENSION_CALL_ERROR_TOO_MANY_ARGUMENTS"
        CALL_TOO_FEW_ARGUMENTS "GDEXTENSION_CALL_ERROR_TOO_FEW_ARGUMENTS"
        CALL_INSTANCE_IS_NULL "GDEXTENSION_CALL_ERROR_INSTANCE_IS_NULL"
    ctypedef int GDExtensionClassMethodArgumentMetadata
    ctypedef void* GDExtensionClassMethodCall
    ctypedef void* GDExtensionClassMethodPtrCall
    ctypedef void* GDExtensionClassCreateInstance2
    ctypedef void* GDExtensionClassFreeInstance
    ctypedef void* GDExtensionClassNotification2
    ctypedef void* GDExtensionClassReference
    ctypedef void* GDExtensionClassGetVirtualCallData2
    ctypedef void* GDExtensionClassCallVirtualWithData
    ctypedef void* GDExtensionCallableCustomCall
    ctypedef void* GDExtensionCallableCustomIsValid
    ctypedef void* GDExtensionCallableCustomFree
    ctypedef void* GDExtensionCallableCustomHash
    ctypedef void* GDExtensionCallableCustomEqual
    ctypedef void* GDExtensionCallableCustomToString
    ctypedef void* GDExtensionCallableCustomGetArgumentCount
    ctypedef void* GDExtensionMainLoopStartupCallback
    ctypedef void* GDExtensionMainLoopShutdownCallback
    ctypedef void* GDExtensionMainLoopFrameCallback
    ctypedef void* (*GDExtensionInterfaceGetProcAddress)(const char*) noexcept nogil

    ctypedef void (*from_type_t "GDExtensionVariantFromTypeConstructorFunc")(void*, void*) noexcept nogil
    ctypedef void (*to_type_t "GDExtensionTypeFromVariantConstructorFunc")(void*, void*) noexcept nogil
    ctypedef void* (*internal_t "GDExtensionVariantGetInternalPtrFunc")(void*) noexcept nogil
    ctypedef void (*constructor_t "GDExtensionPtrConstructor")(void*, const void**) noexcept nogil
    ctypedef void (*destructor_t "GDExtensionPtrDestructor")(void*) noexcept nogil
    ctypedef void (*builtin_method_t "GDExtensionPtrBuiltInMethod")(void*, const void**, void*, int32_t) noexcept nogil
    ctypedef void (*utility_t "GDExtensionPtrUtilityFunction")(void*, const void**, int32_t) noexcept nogil

    ctypedef struct GDExtensionCallError:
        GDExtensionCallErrorType error
        int32_t argument
        int32_t expected

    ctypedef struct GDExtensionInstanceBindingCallbacks:
        void* create_callback

    ctypedef struct GDExtensionPropertyInfo:
        GDExtensionVariantType type
        void* name
        void* class_name
        uint32_t hint
        void* hint_string
        uint32_t usage

    ctypedef struct GDExtensionClassCreationInfo4:
        GDExtensionBool is_virtual
        GDExtensionBool is_abstract
        GDExtensionBool is_exposed
        GDExtensionBool is_runtime
        const void* icon_path
        GDExtensionClassNotification2 notification_func
        GDExtensionClassReference reference_func
        GDExtensionClassCreateInstance2 create_instance_func
        GDExtensionClassFreeInstance free_instance_func
        GDExtensionClassGetVirtualCallData2 get_virtual_call_data_func
        GDExtensionClassCallVirtualWithData call_virtual_with_data_func
        void* class_userdata

    ctypedef struct GDExtensionClassMethodInfo:
        void* name
        void* method_userdata
        GDExtensionClassMethodCall call_func
        GDExtensionClassMethodPtrCall ptrcall_func
        uint32_t method_flags
        GDExtensionBool has_return_value
        GDExtensionPropertyInfo* return_value_info
        GDExtensionClassMethodArgumentMetadata return_value_metadata
        uint32_t argument_count
        GDExtensionPropertyInfo* arguments_info
        GDExtensionClassMethodArgumentMetadata* arguments_metadata
        uint32_t default_argument_count
        void** default_arguments

    ctypedef struct GDExtensionCallableCustomInfo2:
        void* callable_userdata
        void* token
        uint64_t object_id
        GDExtensionCallableCustomCall call_func
        GDExtensionCallableCustomIsValid is_valid_func
        GDExtensionCallableCustomFree free_func
        GDExtensionCallableCustomHash hash_func
        GDExtensionCallableCustomEqual equal_func
        GDExtensionCallableCustomToString to_string_func
        GDExtensionCallableCustomGetArgumentCount get_argument_count_func

    ctypedef struct GDExtensionMainLoopCallbacks:
        GDExtensionMainLoopStartupCallback startup_func
        GDExtensionMainLoopShutdownCallback shutdown_func
        GDExtensionMainLoopFrameCallback frame_func

    const char* pythonscript_load(GDExtensionInterfaceGetProcAddress)

    struct _functions:
        void (*print_error_with_message)(const char*, const char*, const char*, const char*, int32_t, uint8_t) noexcept nogil
        void (*print_warning_with_message)(const char*, const char*, const char*, const char*, int32_t, uint8_t) noexcept nogil
        void (*print_script_error_with_message)(const char*, const char*, const char*, const char*, int32_t, uint8_t) noexcept nogil
        void (*variant_new_copy)(void*, const void*) noexcept nogil
        void (*variant_new_nil)(void*) noexcept nogil
        void (*variant_destroy)(void*) noexcept nogil
        void (*variant_call)(void*, const void*, const void**, int64_t, void*, GDExtensionCallError*) noexcept nogil
        void (*variant_evaluate)(GDExtensionVariantOperator, const void*, const void*, void*, uint8_t*) noexcept nogil
        void (*variant_set_named)(void*, const void*, const void*, uint8_t*) noexcept nogil
        void (*variant_set)(void*, const void*, const void*, uint8_t*) noexcept nogil
        void (*variant_get_named)(const void*, const void*, void*, uint8_t*) noexcept nogil
        void (*variant_get)(const void*, const void*, void*, uint8_t*) noexcept nogil
        int64_t (*variant_hash)(const void*) noexcept nogil
        void (*variant_stringify)(const void*, void*) noexcept nogil
        int (*variant_get_type)(const void*) noexcept nogil
        uint8_t (*variant_has_method)(const void*, const void*) noexcept nogil
        uint64_t (*variant_get_object_instance_id)(const void*) noexcept nogil
        uint8_t (*variant_can_convert_strict)(GDExtensionVariantType, GDExtensionVariantType) noexcept nogil
        from_type_t (*get_variant_from_type_constructor)(GDExtensionVariantType) noexcept nogil
        to_type_t (*get_variant_to_type_constructor)(GDExtensionVariantType) noexcept nogil
        internal_t (*variant_get_ptr_internal_getter)(GDExtensionVariantType) noexcept nogil
        builtin_method_t (*variant_get_ptr_builtin_method)(GDExtensionVariantType, const void*, int64_t) noexcept nogil
        constructor_t (*variant_get_ptr_constructor)(GDExtensionVariantType, int32_t) noexcept nogil
        destructor_t (*variant_get_ptr_destructor)(GDExtensionVariantType) noexcept nogil
        void (*variant_construct)(GDExtensionVariantType, void*, const void**, int32_t, GDExtensionCallError*) noexcept nogil
        utility_t (*variant_get_ptr_utility_function)(const void*, int64_t) noexcept nogil
        int64_t (*string_new_with_utf8_chars_and_len2)(void*, const char*, int64_t) noexcept nogil
        int64_t (*string_to_utf32_chars)(const void*, char32_t*, int64_t) noexcept nogil
        char32_t* (*string_operator_index)(void*, int64_t) noexcept nogil
        const char32_t* (*string_operator_index_const)(const void*, int64_t) noexcept nogil
        int64_t (*string_resize)(void*, int64_t) noexcept nogil
        void (*string_name_new_with_utf8_chars_and_len)(void*, const char*, int64_t) noexcept nogil
        uint8_t* (*packed_byte_array_operator_index)(void*, int64_t) noexcept nogil
        const uint8_t* (*packed_byte_array_operator_index_const)(const void*, int64_t) noexcept nogil
        int32_t* (*packed_int32_array_operator_index)(void*, int64_t) noexcept nogil
        int64_t* (*packed_int64_array_operator_index)(void*, int64_t) noexcept nogil
        float* (*packed_float32_array_operator_index)(void*, int64_t) noexcept nogil
        double* (*packed_float64_array_operator_index)(void*, int64_t) noexcept nogil
        void* (*packed_string_array_operator_index)(void*, int64_t) noexcept nogil
        void* (*packed_vector2_array_operator_index)(void*, int64_t) noexcept nogil
        void* (*packed_vector3_array_operator_index)(void*, int64_t) noexcept nogil
        void* (*packed_vector4_array_operator_index)(void*, int64_t) noexcept nogil
        void* (*packed_color_array_operator_index)(void*, int64_t) noexcept nogil
        void* (*array_operator_index)(void*, int64_t) noexcept nogil
        void* (*dictionary_operator_index)(void*, const void*) noexcept nogil
        void (*object_method_bind_call)(const void*, void*, const void**, int64_t, void*, GDExtensionCallError*) noexcept nogil
        void (*object_method_bind_ptrcall)(const void*, void*, const void**, void*) noexcept nogil
        void (*object_destroy)(void*) noexcept nogil
        void* (*global_get_singleton)(const void*) noexcept nogil
        void* (*object_get_instance_binding)(void*, void*, const GDExtensionInstanceBindingCallbacks*) noexcept nogil
        void (*object_set_instance_binding)(void*, void*, void*, const GDExtensionInstanceBindingCallbacks*) noexcept nogil
        void (*object_set_instance)(void*, const void*, void*) noexcept nogil
        uint8_t (*object_get_class_name)(const void*, void*, void*) noexcept nogil
        void* (*object_get_instance_from_id)(uint64_t) noexcept nogil
        uint64_t (*object_get_instance_id)(const void*) noexcept nogil
        void (*callable_custom_create2)(void*, GDExtensionCallableCustomInfo2*) noexcept nogil
        void* (*callable_custom_get_userdata)(const void*, void*) noexcept nogil
        void* (*classdb_construct_object2)(const void*) noexcept nogil
        const void* (*classdb_get_method_bind)(const void*, const void*, int64_t) noexcept nogil
        void (*classdb_register_extension_class)(void*, const void*, const void*, const GDExtensionClassCreationInfo4*) noexcept nogil
        void (*classdb_register_extension_class_method)(void*, const void*, const GDExtensionClassMethodInfo*) noexcept nogil
        void (*classdb_register_extension_class_integer_constant)(void*, const void*, const void*, const void*, int64_t, uint8_t) noexcept nogil
        void (*classdb_register_extension_class_property)(void*, const void*, const GDExtensionPropertyInfo*, const void*, const void*) noexcept nogil
        void (*classdb_register_extension_class_property_group)(void*, const void*, const void*, const void*) noexcept nogil
        void (*classdb_register_extension_class_property_subgroup)(void*, const void*, const void*, const void*) noexcept nogil
        void (*classdb_register_extension_class_signal)(void*, const void*, const void*, const GDExtensionPropertyInfo*, int64_t) noexcept nogil
        void (*classdb_unregister_extension_class)(void*, const void*) noexcept nogil
        void (*register_main_loop_callbacks)(void*, const GDExtensionMainLoopCallbacks*) noexcept nogil
        void (*editor_help_load_xml_from_utf8_chars)(const char*) noexcept nogil

    _functions gd

# Sizes of a single-precision 64-bit engine; `start` refuses any other (extension_api.json, builtin_class_sizes).
ctypedef struct Variant:
    uint64_t words[3]

ctypedef struct Slot:  # Room for a value of any builtin type; a Projection is the largest.
    uint64_t words[8]

cdef enum:
    NIL = 0
    BOOL = 1
    INT = 2
    FLOAT = 3
    STRING = 4
    VECTOR2 = 5
    COLOR = 20
    STRING_NAME = 21
    NODE_PATH = 22
    RID = 23
    OBJECT = 24
    CALLABLE = 25
    SIGNAL = 26
    DICTIONARY = 27
    ARRAY = 28
    PACKED_BYTE_ARRAY = 29
    PACKED_INT32_ARRAY = 30
    PACKED_INT64_ARRAY = 31
    PACKED_FLOAT32_ARRAY = 32
    PACKED_FLOAT64_ARRAY = 33
    PACKED_STRING_ARRAY = 34
    PACKED_VECTOR2_ARRAY = 35
    PACKED_VECTOR3_ARRAY = 36
    PACKED_COLOR_ARRAY = 37
    PACKED_VECTOR4_ARRAY = 38
    TYPE_MAX = 39
    VARIANT = 39  # Ours: "any type", where a typed pointer points at a Variant.

cdef void* _library = NULL  # The engine's token for this extension, also the token of our bindings and callables.
cdef bint _alive = False  # False again once Python is about to be finalised: late callbacks of the engine do nothing then.

cdef from_type_t _variant_from[TYPE_MAX]
cdef to_type_t _variant_to[TYPE_MAX]
cdef internal_t _internal[TYPE_MAX]
cdef constructor_t _construct_default[TYPE_MAX]
cdef constructor_t _construct_copy[TYPE_MAX]
cdef destructor_t _destroy[TYPE_MAX]
cdef builtin_method_t _size_of[TYPE_MAX]
cdef builtin_method_t _resize[TYPE_MAX]


cdef int load_interface(uintptr_t get_proc_address, uintptr_t library) except -1:
    global _library
    cdef const char* missing = pythonscript_load(<GDExtensionInterfaceGetProcAddress>get_proc_address)
    if missing != NULL:
        raise RuntimeError(f"this Godot lacks the function {missing.decode()}: Godot 4.4 or newer is needed")
    _library = <void*>library
    cdef int kind
    for kind in range(1, TYPE_MAX):
        _variant_from[kind] = gd.get_variant_from_type_constructor(kind)
        _variant_to[kind] = gd.get_variant_to_type_constructor(kind)
        _internal[kind] = gd.variant_get_ptr_internal_getter(kind)
        _construct_default[kind] = gd.variant_get_ptr_constructor(kind, 0)
        _construct_copy[kind] = gd.variant_get_ptr_constructor(kind, 1)
        _destroy[kind] = gd.variant_get_ptr_destructor(kind)
    for kind in range(ARRAY, TYPE_MAX):
        _size_of[kind] = _builtin_method(kind, "size")
        _resize[kind] = _builtin_method(kind, "resize")
    return 0


cdef int need_engine() except -1:
    """The module can be imported outside of Godot, for tests and tools, but nothing there can be called."""
    if _library == NULL:
        raise RuntimeError("pythonscript works inside of Godot only")
    return 0


cdef builtin_method_t _builtin_method(int kind, str name) except NULL:
    cdef builtin_method_t method = gd.variant_get_ptr_builtin_method(kind, string_name(name), _api.BUILTIN_METHOD_HASHES[name])
    if method == NULL:
        raise RuntimeError(f"this Godot has no {name}() on packed arrays as it was built for: build the addon again with this engine")
    return method
