/* The library that Godot loads: finds and starts CPython, then hands everything over to the module pythonscript.engine.lifecycle.
 *
 * It is not linked with libpython: the library that ships beside it is opened by path, with its symbols made global
 * (Godot opens extensions RTLD_LOCAL, and Python's own extension modules need PyExc_* and friends). So a Python that
 * cannot be loaded is one clear error and the engine runs on. Layout of the runtime's folder, ../lib/<PLATFORM> from this
 * library's, or <EXPORTED_FOLDER>/<PLATFORM> in an exported game:
 *     <PYTHON_LIBRARY>  <PYTHON_VERSION_DIR>[/lib-dynload]  site-packages
 * These names are the build's: see tools/platforms.py.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <gdextension_interface.h>
#include <stdio.h>
#include <string.h>

#include "fallback.h"
#include "system.h"

/* The longest path of the runtime's folder: what is in there has names of less than 256 bytes, with its folders. */
#define RUNTIME_MAX_BYTES (PATH_MAX_BYTES - 256)

#define CURE "Build or copy the whole addon folder (bin and lib) again."

/* The few functions of libpython that are needed before the bridge is up. */
#define PYTHON_FUNCTIONS(X) \
	X(PyPreConfig_InitIsolatedConfig) \
	X(Py_PreInitialize) \
	X(PyConfig_InitIsolatedConfig) \
	X(PyConfig_SetBytesString) \
	X(PyConfig_Clear) \
	X(PyWideStringList_Append) \
	X(Py_DecodeLocale) \
	X(PyMem_RawFree) \
	X(Py_InitializeFromConfig) \
	X(PyStatus_Exception) \
	X(Py_FinalizeEx) \
	X(PyImport_ImportModule) \
	X(PyObject_CallMethod) \
	X(PyObject_IsTrue) \
	X(PyErr_Print) \
	X(PyErr_Fetch) \
	X(PyErr_NormalizeException) \
	X(PyObject_Str) \
	X(PyUnicode_AsUTF8) \
	X(PyErr_Clear) \
	X(_Py_Dealloc) \
	X(PyEval_SaveThread) \
	X(PyGILState_Ensure) \
	X(PyGILState_Release)

static struct {
#define MEMBER(NAME) __typeof__(&NAME) NAME;
	PYTHON_FUNCTIONS(MEMBER)
#undef MEMBER
} py;

static GDExtensionInterfaceGetProcAddress get_proc_address;
static GDExtensionClassLibraryPtr library;
static PyObject *bridge; /* The module pythonscript.engine.lifecycle, NULL when Python could not be started. */
static int is_whole; /* Whether the addon's own classes could all be loaded. */

static void print_error(const char *description, int line) {
	GDExtensionInterfacePrintError print = (GDExtensionInterfacePrintError)(void *)get_proc_address("print_error");
	print(description, "pythonscript_init", __FILE__, line, 0);
}

#define FAIL(...) \
	do { \
		char message[3 * PATH_MAX_BYTES]; /* A path, and what the system says, which may name it again. */ \
		snprintf(message, sizeof message, __VA_ARGS__); \
		print_error(message, __LINE__); \
	} while (0)

static int cut_last_name(char *path) {
	for (char *each = path + strlen(path); each > path; each--) {
		if (*each == '/' || *each == *SEPARATOR) {
			*each = 0;
			return 1;
		}
	}
	return 0;
}

/* Absolute path of the runtime's folder: the addon's, or the one that an export made. Returns 0 when there is none, or it is too
 * long for what is in there to be opened. */
static int runtime_folder(char *path) {
	GDExtensionInterfaceGetLibraryPath get_library_path = (GDExtensionInterfaceGetLibraryPath)(void *)get_proc_address("get_library_path");
	GDExtensionInterfaceStringToUtf8Chars to_utf8 = (GDExtensionInterfaceStringToUtf8Chars)(void *)get_proc_address("string_to_utf8_chars");
	GDExtensionInterfaceVariantGetPtrDestructor get_destructor = (GDExtensionInterfaceVariantGetPtrDestructor)(void *)get_proc_address("variant_get_ptr_destructor");
	void *string = NULL;
	get_library_path(library, &string);
	GDExtensionInt length = to_utf8(&string, path, PATH_MAX_BYTES - 1);
	get_destructor(GDEXTENSION_VARIANT_TYPE_STRING)(&string);
	if (length <= 0 || length >= PATH_MAX_BYTES - 1) {
		return 0;
	}
	path[length] = 0;
	if (!cut_last_name(path)) {
		return 0;
	}
	char folder[PATH_MAX_BYTES + 64];
	int size = snprintf(folder, sizeof folder, "%s/" EXPORTED_FOLDER "/" PLATFORM, path);
	if (size < PATH_MAX_BYTES && system_exists(folder)) {
		strcpy(path, folder);
		return system_native_path(path) && strlen(path) < RUNTIME_MAX_BYTES;
	}
	if (!cut_last_name(path) || snprintf(folder, sizeof folder, "%s/lib/" PLATFORM, path) >= PATH_MAX_BYTES) {
		return 0;
	}
	strcpy(path, folder);
	return system_native_path(path) && strlen(path) < RUNTIME_MAX_BYTES;
}

/* Opens libpython and fills `py`. Returns 0, with the error printed, when that cannot be done. */
static int load_python(const char *runtime) {
	char path[PATH_MAX_BYTES + 64];
	snprintf(path, sizeof path, "%s" SEPARATOR PYTHON_LIBRARY, runtime);
	void *handle = system_open(path, 1);
	if (handle == NULL) {
		char why[PATH_MAX_BYTES + 256];
		system_explain(path, why, sizeof why);
		FAIL("Python cannot be loaded from %s: %s. " CURE, path, why);
		return 0;
	}
#define LOAD(NAME) \
	py.NAME = (__typeof__(&NAME))system_find(handle, #NAME); \
	if (py.NAME == NULL) { \
		FAIL("%s has no " #NAME ": it is not the Python that this addon was built for. " CURE, path); \
		return 0; \
	}
	PYTHON_FUNCTIONS(LOAD)
#undef LOAD
	return 1;
}

static PyStatus append_path(PyConfig *config, const char *runtime, const char *folder) {
	char path[PATH_MAX_BYTES + 64];
	snprintf(path, sizeof path, "%s" SEPARATOR "%s", runtime, folder);
	wchar_t *wide = py.Py_DecodeLocale(path, NULL);
	PyStatus status = py.PyWideStringList_Append(&config->module_search_paths, wide);
	py.PyMem_RawFree(wide);
	return status;
}

/* Imports Python's module of signals, so that Ctrl+C stays the engine's. When first imported, by asyncio and others too, it
 * makes SIGINT raise KeyboardInterrupt unless somebody has a handler: so somebody has one meanwhile, which does what none does.
 * Python then knows SIGINT as not its own, and nothing that looks at that later (asyncio.run, the end) touches it. */
static void import_signals(void) {
	if (py.PyImport_ImportModule("_signal") == NULL) {
		py.PyErr_Clear(); /* A Python that is not whole: the import of the bridge says what is missing. */
	}
}

/* Has OpenSSL start without the player's settings (OPENSSL_CONF, openssl.cnf), by which no TLS connection may succeed. Before
 * Python uses it, and through the library that Python loads it with: where there is none, there is nothing to do. */
static void ignore_openssl_settings(const char *runtime) {
	char path[PATH_MAX_BYTES + 128];
	snprintf(path, sizeof path, "%s" SEPARATOR PYTHON_VERSION_DIR SEPARATOR "lib-dynload" SEPARATOR OPENSSL_LIBRARY, runtime);
	void *handle = system_open(path, 0);
	if (handle == NULL) {
		return;
	}
	int (*init)(uint64_t, const void *) = (int (*)(uint64_t, const void *))system_find(handle, "OPENSSL_init_crypto");
	if (init != NULL) {
		init(0x80, NULL); /* OPENSSL_INIT_NO_LOAD_CONFIG; the headers of OpenSSL are not needed for it. */
	}
}

/* An isolated interpreter: nothing of the machine's own Python, its environment or its user's folders is looked at. */
static PyStatus initialize_python(PyConfig *config, const char *runtime) {
	PyPreConfig preconfig;
	py.PyPreConfig_InitIsolatedConfig(&preconfig);
	preconfig.utf8_mode = 1;
	PyStatus status = py.Py_PreInitialize(&preconfig);
	py.PyConfig_InitIsolatedConfig(config);
	config->install_signal_handlers = 0; /* Signals belong to the engine: see start() and engine/sockets.py. */
	config->site_import = 0;
	config->write_bytecode = 0;
	config->module_search_paths_set = 1;
	char program[PATH_MAX_BYTES + 64];
	/* Need not exist; keeps Python from guessing a path. */
	snprintf(program, sizeof program, "%s" SEPARATOR "bin" SEPARATOR "python3", runtime);
	const char *folders[] = { PYTHON_VERSION_DIR, PYTHON_VERSION_DIR SEPARATOR "lib-dynload", "site-packages" };
	if (!py.PyStatus_Exception(status)) {
		status = py.PyConfig_SetBytesString(config, &config->home, runtime);
	}
	if (!py.PyStatus_Exception(status)) {
		status = py.PyConfig_SetBytesString(config, &config->executable, program);
	}
	if (!py.PyStatus_Exception(status)) {
		status = py.PyConfig_SetBytesString(config, &config->program_name, program);
	}
	for (size_t i = 0; i < sizeof folders / sizeof *folders && !py.PyStatus_Exception(status); i++) {
		status = append_path(config, runtime, folders[i]);
	}
	return py.PyStatus_Exception(status) ? status : py.Py_InitializeFromConfig(config);
}

static void print_python_error(const char *what, const char *runtime) {
	PyObject *type, *value, *traceback;
	py.PyErr_Fetch(&type, &value, &traceback);
	py.PyErr_NormalizeException(&type, &value, &traceback);
	PyObject *text = value != NULL ? py.PyObject_Str(value) : NULL;
	const char *utf8 = text != NULL ? py.PyUnicode_AsUTF8(text) : NULL;
	FAIL("%s: %s (looked in %s). " CURE, what, utf8 != NULL ? utf8 : "unknown error", runtime);
	py.PyErr_Clear();
}

/* Starts CPython and imports the bridge. On failure one error is printed and `bridge` stays NULL. */
static void start(void) {
	char runtime[PATH_MAX_BYTES];
	if (!runtime_folder(runtime)) {
		FAIL("The path of the Python library is empty or longer than %d bytes. Move the project to a shorter path.", RUNTIME_MAX_BYTES);
		return;
	}
	if (!load_python(runtime)) {
		return;
	}
	PyConfig config;
	PyStatus status = initialize_python(&config, runtime);
	py.PyConfig_Clear(&config);
	if (py.PyStatus_Exception(status)) {
		FAIL("Python cannot be started from %s: %s. " CURE, runtime, status.err_msg);
		return;
	}
	system_call_with_interrupt_handled(import_signals);
	ignore_openssl_settings(runtime);
	PyObject *module = py.PyImport_ImportModule("pythonscript.engine.lifecycle");
	if (module == NULL) {
		print_python_error("The Python package pythonscript cannot be imported", runtime);
	} else {
		PyObject *started = py.PyObject_CallMethod(module, "start", "KKs", (unsigned long long)(uintptr_t)get_proc_address,
				(unsigned long long)(uintptr_t)library, PYTHONSCRIPT_MODULES);
		if (started == NULL) {
			print_python_error("The Python bridge cannot be started", runtime);
		} else {
			bridge = module;
			is_whole = py.PyObject_IsTrue(started);
		}
	}
	py.PyEval_SaveThread();
}

static void call_bridge(const char *method, int level) {
	PyGILState_STATE state = py.PyGILState_Ensure();
	PyObject *result = py.PyObject_CallMethod(bridge, method, "i", level);
	if (result == NULL) {
		py.PyErr_Print();
	}
	py.PyGILState_Release(state);
}

static void initialize(void *userdata, GDExtensionInitializationLevel level) {
	(void)userdata;
	if (level == GDEXTENSION_INITIALIZATION_SCENE) {
		start();
		if (!is_whole && fall_back(get_proc_address)) {
			GDExtensionInterfacePrintWarning print = (GDExtensionInterfacePrintWarning)(void *)get_proc_address("print_warning");
			print("The game goes on: its nodes in GDScript serve instead of those that the error above is about.", __func__, __FILE__, __LINE__, 0);
		}
	}
	if (bridge != NULL && level >= GDEXTENSION_INITIALIZATION_SCENE) {
		call_bridge("initialize", (int)level);
	}
}

static void deinitialize(void *userdata, GDExtensionInitializationLevel level) {
	(void)userdata;
	if (bridge == NULL || level != GDEXTENSION_INITIALIZATION_SCENE) {
		return;
	}
	call_bridge("deinitialize", (int)level);
	bridge = NULL;
	py.PyGILState_Ensure();
	py.Py_FinalizeEx();
}

EXPORTED GDExtensionBool pythonscript_init(GDExtensionInterfaceGetProcAddress p_get_proc_address,
		GDExtensionClassLibraryPtr p_library, GDExtensionInitialization *r_initialization) {
	get_proc_address = p_get_proc_address;
	library = p_library;
	r_initialization->minimum_initialization_level = GDEXTENSION_INITIALIZATION_SCENE;
	r_initialization->initialize = initialize;
	r_initialization->deinitialize = deinitialize;
	return 1;
}
