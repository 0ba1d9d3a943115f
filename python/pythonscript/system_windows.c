/* system.h for Windows. Only wide functions are called: the others take paths in the code page of the machine. */
#include "system.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

/* The longest path that all functions take without a prefix is MAX_PATH, 260. This much of it is for files in the runtime. */
#define ROOM_FOR_FILES 130
#define LONG_PREFIX "\\\\?\\"
#define LONG_PREFIX_OF_SHARES "\\\\?\\UNC"

static int to_wide(const char *utf8, wchar_t *wide) {
	return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, wide, PATH_MAX_BYTES);
}

int system_native_path(char *path) {
	wchar_t wide[PATH_MAX_BYTES];
	for (char *each = path; *each; each++) {
		if (*each == '/') {
			*each = '\\'; /* With a prefix, or for LOAD_WITH_ALTERED_SEARCH_PATH, the system takes no other. */
		}
	}
	int length = to_wide(path, wide);
	if (length == 0) {
		return 0;
	}
	if (length < MAX_PATH - ROOM_FOR_FILES || strncmp(path, LONG_PREFIX, strlen(LONG_PREFIX)) == 0) {
		return 1;
	}
	int is_share = path[0] == '\\' && path[1] == '\\';
	const char *prefix = is_share ? LONG_PREFIX_OF_SHARES : LONG_PREFIX;
	const char *rest = is_share ? path + 1 : path;
	if (strlen(prefix) + strlen(rest) >= PATH_MAX_BYTES) {
		return 0;
	}
	memmove(path + strlen(prefix), rest, strlen(rest) + 1);
	memcpy(path, prefix, strlen(prefix));
	return 1;
}

int system_exists(const char *path) {
	wchar_t wide[PATH_MAX_BYTES];
	return to_wide(path, wide) && GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
}

void *system_open(const char *path, int global) {
	(void)global; /* A library of Windows names the ones that it takes its symbols from. */
	wchar_t wide[PATH_MAX_BYTES];
	if (!to_wide(path, wide)) {
		return NULL;
	}
	/* What the library needs is looked for beside it, not beside the program. */
	return (void *)LoadLibraryExW(wide, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
}

void *system_find(void *library, const char *name) {
	return (void *)GetProcAddress((HMODULE)library, name);
}

/* Whether a library that another one at `path` needs can be had, from beside it or from the system. */
static int is_there(const wchar_t *path, const char *name) {
	wchar_t wide[PATH_MAX_BYTES];
	wcscpy(wide, path);
	wchar_t *last = wcsrchr(wide, L'\\');
	last = last != NULL ? last + 1 : wide;
	if (!MultiByteToWideChar(CP_UTF8, 0, name, -1, last, (int)(wide + PATH_MAX_BYTES - last))) {
		return 1;
	}
	if (GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES) {
		return 1;
	}
	HMODULE found = LoadLibraryExW(last, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
	if (found != NULL) {
		FreeLibrary(found);
	}
	return found != NULL;
}

/* The first library that the one at `path` needs and that is nowhere; NULL when all are there. Windows says only that one is
 * missing. `image` is the library, mapped without what it needs. */
static const char *missing_library(const wchar_t *path, const BYTE *image) {
	const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)(image + ((const IMAGE_DOS_HEADER *)image)->e_lfanew);
	DWORD offset = headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
	if (offset == 0) {
		return NULL;
	}
	for (const IMAGE_IMPORT_DESCRIPTOR *each = (const IMAGE_IMPORT_DESCRIPTOR *)(image + offset); each->Name != 0; each++) {
		const char *name = (const char *)(image + each->Name);
		if (!is_there(path, name)) {
			return name;
		}
	}
	return NULL;
}

void system_explain(const char *path, char *text, size_t size) {
	DWORD error = GetLastError();
	wchar_t wide[PATH_MAX_BYTES];
	if (error == ERROR_MOD_NOT_FOUND && to_wide(path, wide) && GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES) {
		HMODULE mapped = LoadLibraryExW(wide, NULL, DONT_RESOLVE_DLL_REFERENCES);
		const char *name = mapped != NULL ? missing_library(wide, (const BYTE *)mapped) : NULL;
		snprintf(text, size, "%s, which it needs, is not on this machine (error %lu)", name != NULL ? name : "a library", error);
		if (mapped != NULL) {
			FreeLibrary(mapped);
		}
		return;
	}
	wchar_t words[512];
	/* What the texts have a place for is the file. */
	const wchar_t *it = L"it";
	const wchar_t *inserts[] = { it, it, it, it };
	char utf8[1024];
	DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_ARGUMENT_ARRAY, NULL, error, 0, words,
			sizeof words / sizeof *words, (va_list *)inserts);
	while (length > 0 && wcschr(L"\r\n. ", words[length - 1]) != NULL) {
		length--;
	}
	int written = WideCharToMultiByte(CP_UTF8, 0, words, (int)length, utf8, sizeof utf8 - 1, NULL, NULL);
	utf8[written] = 0;
	snprintf(text, size, "%s (error %lu)", written > 0 ? utf8 : "it cannot be opened", error);
}

static void end_as_by_default(int number) {
	signal(number, SIG_DFL);
	raise(number);
}

void system_call_with_interrupt_handled(void (*function)(void)) {
	void (*before)(int) = signal(SIGINT, end_as_by_default);
	if (before != SIG_DFL) {
		signal(SIGINT, before);
	}
	function();
	if (before == SIG_DFL) {
		signal(SIGINT, SIG_DFL);
	}
}
