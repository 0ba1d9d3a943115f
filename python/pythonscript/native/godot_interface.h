/* The functions of the engine that the bridge calls, looked up by name once at start.
 *
 * One line here and one in interface.pxi make a further engine function callable. The header of the engine gives the types.
 */
#pragma once
#include <gdextension_interface.h>
#include <string.h>

#define PYTHONSCRIPT_REQUIRED(X) \
	X(PrintErrorWithMessage, print_error_with_message) \
	X(PrintWarningWithMessage, print_warning_with_message) \
	X(PrintScriptErrorWithMessage, print_script_error_with_message) \
	X(VariantNewCopy, variant_new_copy) \
	X(VariantNewNil, variant_new_nil) \
	X(VariantDestroy, variant_destroy) \
	X(VariantCall, variant_call) \
	X(VariantEvaluate, variant_evaluate) \
	X(VariantSetNamed, variant_set_named) \
	X(VariantSet, variant_set) \
	X(VariantGetNamed, variant_get_named) \
	X(VariantGet, variant_get) \
	X(VariantHash, variant_hash) \
	X(VariantStringify, variant_stringify) \
	X(VariantGetType, variant_get_type) \
	X(VariantHasMethod, variant_has_method) \
	X(VariantGetObjectInstanceId, variant_get_object_instance_id) \
	X(VariantCanConvertStrict, variant_can_convert_strict) \
	X(GetVariantFromTypeConstructor, get_variant_from_type_constructor) \
	X(GetVariantToTypeConstructor, get_variant_to_type_constructor) \
	X(GetVariantGetInternalPtrFunc, variant_get_ptr_internal_getter) \
	X(VariantGetPtrBuiltinMethod, variant_get_ptr_builtin_method) \
	X(VariantGetPtrConstructor, variant_get_ptr_constructor) \
	X(VariantGetPtrDestructor, variant_get_ptr_destructor) \
	X(VariantConstruct, variant_construct) \
	X(VariantGetPtrUtilityFunction, variant_get_ptr_utility_function) \
	X(StringNewWithUtf8CharsAndLen2, string_new_with_utf8_chars_and_len2) \
	X(StringToUtf32Chars, string_to_utf32_chars) \
	X(StringOperatorIndex, string_operator_index) \
	X(StringOperatorIndexConst, string_operator_index_const) \
	X(StringResize, string_resize) \
	X(StringNameNewWithUtf8CharsAndLen, string_name_new_with_utf8_chars_and_len) \
	X(PackedByteArrayOperatorIndex, packed_byte_array_operator_index) \
	X(PackedByteArrayOperatorIndexConst, packed_byte_array_operator_index_const) \
	X(PackedInt32ArrayOperatorIndex, packed_int32_array_operator_index) \
	X(PackedInt64ArrayOperatorIndex, packed_int64_array_operator_index) \
	X(PackedFloat32ArrayOperatorIndex, packed_float32_array_operator_index) \
	X(PackedFloat64ArrayOperatorIndex, packed_float64_array_operator_index) \
	X(PackedStringArrayOperatorIndex, packed_string_array_operator_index) \
	X(PackedVector2ArrayOperatorIndex, packed_vector2_array_operator_index) \
	X(PackedVector3ArrayOperatorIndex, packed_vector3_array_operator_index) \
	X(PackedVector4ArrayOperatorIndex, packed_vector4_array_operator_index) \
	X(PackedColorArrayOperatorIndex, packed_color_array_operator_index) \
	X(ArrayOperatorIndex, array_operator_index) \
	X(DictionaryOperatorIndex, dictionary_operator_index) \
	X(ObjectMethodBindCall, object_method_bind_call) \
	X(ObjectMethodBindPtrcall, object_method_bind_ptrcall) \
	X(ObjectDestroy, object_destroy) \
	X(GlobalGetSingleton, global_get_singleton) \
	X(ObjectGetInstanceBinding, object_get_instance_binding) \
	X(ObjectSetInstanceBinding, object_set_instance_binding) \
	X(ObjectSetInstance, object_set_instance) \
	X(ObjectGetClassName, object_get_class_name) \
	X(ObjectGetInstanceFromId, object_get_instance_from_id) \
	X(ObjectGetInstanceId, object_get_instance_id) \
	X(CallableCustomCreate2, callable_custom_create2) \
	X(CallableCustomGetUserData, callable_custom_get_userdata) \
	X(ClassdbConstructObject2, classdb_construct_object2) \
	X(ClassdbGetMethodBind, classdb_get_method_bind) \
	X(ClassdbRegisterExtensionClassMethod, classdb_register_extension_class_method) \
	X(ClassdbRegisterExtensionClassIntegerConstant, classdb_register_extension_class_integer_constant) \
	X(ClassdbRegisterExtensionClassProperty, classdb_register_extension_class_property) \
	X(ClassdbRegisterExtensionClassPropertyGroup, classdb_register_extension_class_property_group) \
	X(ClassdbRegisterExtensionClassPropertySubgroup, classdb_register_extension_class_property_subgroup) \
	X(ClassdbRegisterExtensionClassSignal, classdb_register_extension_class_signal) \
	X(ClassdbUnregisterExtensionClass, classdb_unregister_extension_class)

static struct {
#define PYTHONSCRIPT_MEMBER(TYPE, NAME) GDExtensionInterface##TYPE NAME;
	PYTHONSCRIPT_REQUIRED(PYTHONSCRIPT_MEMBER)
#undef PYTHONSCRIPT_MEMBER
	/* Not in every engine that is supported, or named differently there: looked up by pythonscript_load. */
	GDExtensionInterfaceClassdbRegisterExtensionClass4 classdb_register_extension_class;
	GDExtensionInterfaceRegisterMainLoopCallbacks register_main_loop_callbacks;
	GDExtensionsInterfaceEditorHelpLoadXmlFromUtf8Chars editor_help_load_xml_from_utf8_chars;
} gd;

/* Fills `gd`; the name of the first function that this engine lacks, or NULL when all are there. */
static const char *pythonscript_load(GDExtensionInterfaceGetProcAddress get_proc_address) {
#define PYTHONSCRIPT_LOAD(TYPE, NAME) \
	gd.NAME = (GDExtensionInterface##TYPE)(void *)get_proc_address(#NAME); \
	if (gd.NAME == NULL) { \
		return #NAME; \
	}
	PYTHONSCRIPT_REQUIRED(PYTHONSCRIPT_LOAD)
#undef PYTHONSCRIPT_LOAD
	void *register_class = (void *)get_proc_address("classdb_register_extension_class5");
	if (register_class == NULL) { /* Godot 4.4: the same struct under the older name. */
		register_class = (void *)get_proc_address("classdb_register_extension_class4");
	}
	if (register_class == NULL) {
		return "classdb_register_extension_class4";
	}
	gd.classdb_register_extension_class = (GDExtensionInterfaceClassdbRegisterExtensionClass4)register_class;
	gd.register_main_loop_callbacks = (GDExtensionInterfaceRegisterMainLoopCallbacks)(void *)get_proc_address("register_main_loop_callbacks");
	gd.editor_help_load_xml_from_utf8_chars = (GDExtensionsInterfaceEditorHelpLoadXmlFromUtf8Chars)(void *)get_proc_address("editor_help_load_xml_from_utf8_chars");
	return NULL;
}
