/* What serves in a game whose Python cannot be started: what the game brings along for that, in its project settings.
 *
 *     python/fallback/classes   an Array of global script classes, as ScriptServer lists them, for the names of the nodes
 *     python/fallback/pack      a resource pack, whose files take the place of the game's: scenes with those scripts
 *
 * An exporter sets both. Called while the SCENE level is initialised, before the engine lists its global classes and loads
 * the first scene.
 */
#include <gdextension_interface.h>
#include <stdint.h>

#define FALLBACK_CLASSES "python/fallback/classes"
#define FALLBACK_PACK "python/fallback/pack"
/* Where ScriptServer looks for classes, besides the project's list of them. */
#define GLOBAL_CLASSES "_global_script_classes"

/* A Variant: 24 bytes, or 40 in an engine with double precision. */
typedef struct {
	uint64_t words[5];
} FallbackVariant;

typedef struct {
	GDExtensionInterfaceGetProcAddress get;
	FallbackVariant settings; /* The singleton ProjectSettings. */
} Fallback;

static void fallback_variant(const Fallback *fallback, FallbackVariant *to, GDExtensionVariantType type, void *value) {
	GDExtensionInterfaceGetVariantFromTypeConstructor constructor_of =
			(GDExtensionInterfaceGetVariantFromTypeConstructor)(void *)fallback->get("get_variant_from_type_constructor");
	constructor_of(type)(to, value);
}

static void fallback_text(const Fallback *fallback, FallbackVariant *to, const char *text) {
	GDExtensionInterfaceStringNewWithUtf8Chars new_string =
			(GDExtensionInterfaceStringNewWithUtf8Chars)(void *)fallback->get("string_new_with_utf8_chars");
	GDExtensionInterfaceVariantGetPtrDestructor destructor_of =
			(GDExtensionInterfaceVariantGetPtrDestructor)(void *)fallback->get("variant_get_ptr_destructor");
	void *string = NULL;
	new_string(&string, text);
	fallback_variant(fallback, to, GDEXTENSION_VARIANT_TYPE_STRING, &string);
	destructor_of(GDEXTENSION_VARIANT_TYPE_STRING)(&string);
}

static void fallback_name(const Fallback *fallback, void **to, const char *text) {
	GDExtensionInterfaceStringNameNewWithLatin1Chars new_name =
			(GDExtensionInterfaceStringNameNewWithLatin1Chars)(void *)fallback->get("string_name_new_with_latin1_chars");
	new_name(to, text, 1);
}

static void fallback_destroy(const Fallback *fallback, FallbackVariant *variant) {
	GDExtensionInterfaceVariantDestroy destroy = (GDExtensionInterfaceVariantDestroy)(void *)fallback->get("variant_destroy");
	destroy(variant);
}

/* Calls a method of ProjectSettings. The arguments are destroyed; the result is the caller's. */
static void fallback_call(Fallback *fallback, const char *method, FallbackVariant *first, FallbackVariant *second, FallbackVariant *result) {
	GDExtensionInterfaceVariantCall call = (GDExtensionInterfaceVariantCall)(void *)fallback->get("variant_call");
	GDExtensionConstVariantPtr arguments[] = { first, second };
	GDExtensionCallError error;
	void *name = NULL;
	fallback_name(fallback, &name, method);
	call(&fallback->settings, &name, arguments, second != NULL ? 2 : 1, result, &error);
	fallback_destroy(fallback, first);
	if (second != NULL) {
		fallback_destroy(fallback, second);
	}
}

static GDExtensionVariantType fallback_setting(Fallback *fallback, const char *setting, FallbackVariant *result) {
	GDExtensionInterfaceVariantGetType type_of = (GDExtensionInterfaceVariantGetType)(void *)fallback->get("variant_get_type");
	FallbackVariant name;
	fallback_text(fallback, &name, setting);
	fallback_call(fallback, "get_setting", &name, NULL, result);
	return type_of(result);
}

/* Has the game use what it brings along. Returns 0 where that is nothing. */
static int fall_back(GDExtensionInterfaceGetProcAddress get) {
	Fallback fallback = { .get = get };
	GDExtensionInterfaceGlobalGetSingleton get_singleton = (GDExtensionInterfaceGlobalGetSingleton)(void *)get("global_get_singleton");
	void *name = NULL;
	fallback_name(&fallback, &name, "ProjectSettings");
	GDExtensionObjectPtr singleton = get_singleton(&name);
	fallback_variant(&fallback, &fallback.settings, GDEXTENSION_VARIANT_TYPE_OBJECT, &singleton);
	FallbackVariant classes, pack, setting, result;
	int is_there = fallback_setting(&fallback, FALLBACK_CLASSES, &classes) == GDEXTENSION_VARIANT_TYPE_ARRAY;
	if (is_there) {
		fallback_text(&fallback, &setting, GLOBAL_CLASSES);
		fallback_call(&fallback, "set_setting", &setting, &classes, &result);
		fallback_destroy(&fallback, &result);
		fallback_setting(&fallback, FALLBACK_PACK, &pack);
		fallback_call(&fallback, "load_resource_pack", &pack, NULL, &result);
		fallback_destroy(&fallback, &result);
	} else {
		fallback_destroy(&fallback, &classes);
	}
	fallback_destroy(&fallback, &fallback.settings);
	return is_there;
}
