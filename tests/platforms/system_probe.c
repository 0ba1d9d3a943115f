/* Opens libraries of Windows as the loader does, by system_windows.c, and prints what became of each. */
#include "system.h"
#include <stdio.h>
#include <windows.h>
#include <shellapi.h>

int main(void) {
	int count;
	wchar_t **arguments = CommandLineToArgvW(GetCommandLineW(), &count);
	for (int i = 1; i < count; i++) {
		char path[PATH_MAX_BYTES], why[PATH_MAX_BYTES + 256];
		WideCharToMultiByte(CP_UTF8, 0, arguments[i], -1, path, sizeof path, NULL, NULL);
		if (!system_native_path(path)) {
			puts("too long");
		} else if (system_open(path, 1) != NULL) {
			printf("opened %s\n", path);
		} else {
			system_explain(path, why, sizeof why);
			printf("%s: %s\n", system_exists(path) ? "there" : "not there", why);
		}
	}
	return 0;
}
