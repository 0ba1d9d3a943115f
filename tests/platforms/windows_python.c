/* python.exe for tests of the addon's Windows runtime under Wine: as the loader starts Python, with a command line of its own.
 *
 * Where modules are, PYTHONSCRIPT_PATHS says, for this process and for those that a test starts. */
#include <Python.h>
#include <windows.h>

int wmain(int argc, wchar_t **argv) {
	wchar_t self[MAX_PATH], *paths = _wgetenv(L"PYTHONSCRIPT_PATHS");
	PyPreConfig before;
	PyConfig config;
	PyStatus status;
	paths = paths == NULL ? NULL : _wcsdup(paths);
	if (paths == NULL || GetModuleFileNameW(NULL, self, MAX_PATH) == 0) {
		fprintf(stderr, "PYTHONSCRIPT_PATHS is not set\n");
		return 2;
	}
	PyPreConfig_InitIsolatedConfig(&before);
	before.utf8_mode = 1;
	Py_PreInitialize(&before);
	PyConfig_InitIsolatedConfig(&config);
	config.parse_argv = 1;
	config.site_import = 0;
	config.write_bytecode = 0;
	config.module_search_paths_set = 1;
	PyConfig_SetArgv(&config, argc, argv);
	PyConfig_SetString(&config, &config.executable, self);
	for (wchar_t *path = paths; path != NULL;) {
		wchar_t *end = wcschr(path, L';');
		if (end != NULL) {
			*end++ = 0;
		}
		PyWideStringList_Append(&config.module_search_paths, path);
		path = end;
	}
	status = Py_InitializeFromConfig(&config);
	if (PyStatus_Exception(status)) {
		fprintf(stderr, "%s\n", status.err_msg);
		return 2;
	}
	return Py_RunMain();
}
