/* What the loader needs of the operating system: system_posix.c and system_windows.c have it. All paths are UTF-8. */
#pragma once
#include <stddef.h>

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#define SEPARATOR "\\"
#else
#define EXPORTED __attribute__((visibility("default")))
#define SEPARATOR "/"
#endif

#define PATH_MAX_BYTES 4096

/* Writes an absolute path of the engine's as the system's own functions take it, also for long paths below it. In place, in
 * PATH_MAX_BYTES. Returns 0 when there is no room. */
int system_native_path(char *path);

int system_exists(const char *path);

/* Opens a library by its path, with what it needs from beside it. `global`: what is opened later may use its symbols. Returns
 * NULL when that cannot be done; system_explain() then tells why, in a few words. */
void *system_open(const char *path, int global);
void system_explain(const char *path, char *text, size_t size);

/* A symbol of a library that is open, NULL when it has none of that name. */
void *system_find(void *library, const char *name);

/* Calls a function while Ctrl+C does what it does by default, but by a handler. */
void system_call_with_interrupt_handled(void (*function)(void));
