/* system.h for Linux and macOS. */
#include "system.h"
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int system_native_path(char *path) {
	(void)path;
	return 1;
}

int system_exists(const char *path) {
	return access(path, F_OK) == 0;
}

void *system_open(const char *path, int global) {
	return dlopen(path, RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL));
}

void system_explain(const char *path, char *text, size_t size) {
	(void)path;
	const char *error = dlerror();
	snprintf(text, size, "%s", error != NULL ? error : "unknown error");
}

void *system_find(void *library, const char *name) {
	return dlsym(library, name);
}

static void end_as_by_default(int number) {
	signal(number, SIG_DFL);
	raise(number);
}

void system_call_with_interrupt_handled(void (*function)(void)) {
	struct sigaction before;
	struct sigaction meanwhile = { .sa_handler = end_as_by_default };
	int is_default = sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler == SIG_DFL;
	if (is_default) {
		sigaction(SIGINT, &meanwhile, NULL);
	}
	function();
	if (is_default) {
		sigaction(SIGINT, &before, NULL);
	}
}
