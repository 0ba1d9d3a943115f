/* An extension that writes down what belongs to the process: at the end of a frame into the file that the environment variable
 * HOST_PROBE names then, and at the engine's end into the one that HOST_PROBE_END named when it started. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <gdextension_interface.h>
#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define SA_RESTORER 0x04000000 /* Of the C library itself. */

extern char **environ;
static char end_file[4096];

static void write_signals(FILE *out) {
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;
		if (sigaction(number, NULL, &action) != 0) {
			continue;
		}
		Dl_info info = { 0 };
		dladdr((void *)action.sa_handler, &info);
		const char *file = info.dli_fname == NULL ? "" : strrchr(info.dli_fname, '/') + 1;
		const char *handler = action.sa_handler == SIG_DFL ? "default" : action.sa_handler == SIG_IGN ? "ignored" : file;
		fprintf(out, "signal %d: %s, flags %x\n", number, handler, action.sa_flags & ~SA_RESTORER);
	}
	stack_t stack;
	sigaltstack(NULL, &stack);
	fprintf(out, "alternate stack: flags %d, size %zu\n", stack.ss_flags, stack.ss_size);
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		struct itimerval timer;
		getitimer(which, &timer);
		fprintf(out, "timer %d: %ld.%06ld s\n", which, (long)timer.it_value.tv_sec, (long)timer.it_value.tv_usec);
	}
}

/* The line of a thread's blocked signals; 0 where the thread is gone. */
static int read_mask(const char *thread, char *line, int size) {
	char path[512];
	snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
	FILE *status = fopen(path, "re");
	int found = 0;
	while (status != NULL && !found && fgets(line, size, status) != NULL) {
		found = strncmp(line, "SigBlk:", 7) == 0;
	}
	if (status != NULL) {
		fclose(status);
	}
	return found;
}

/* Of each thread, as the kernel has it: threads differ in number, so the masks that there are. One that begins or ends has all
 * signals blocked for a moment, by the C library. */
static void write_thread_masks(FILE *out) {
	DIR *tasks = opendir("/proc/self/task");
	for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
		char line[256];
		int found = task->d_name[0] != '.' && read_mask(task->d_name, line, sizeof line);
		for (int again = 0; found && strstr(line, "fffffffffffbfeff") != NULL && again < 100; again++) {
			usleep(10000);
			found = read_mask(task->d_name, line, sizeof line);
		}
		if (found) {
			fprintf(out, "a thread's %s", line);
		}
	}
	closedir(tasks);
}

static void write_floats(FILE *out) {
	fprintf(out, "rounding %d, traps %d\n", fegetround(), fegetexcept());
#ifdef __x86_64__
	unsigned int sse;
	unsigned short x87;
	__asm__("stmxcsr %0" : "=m"(sse));
	__asm__("fnstcw %0" : "=m"(x87));
	fprintf(out, "mxcsr %x, x87 %x\n", sse & ~0x3fu, x87); /* Without what the last operations left. */
#endif
	fprintf(out, "printed 1.5: %.1f\n", 1.5);
}

static void write_locale(FILE *out) {
	fprintf(out, "locale: %s, %s\n", setlocale(LC_ALL, NULL), nl_langinfo(CODESET));
	for (char **variable = environ; *variable != NULL; variable++) {
		if (strncmp(*variable, "HOST_PROBE=", 11) != 0) {
			fprintf(out, "environment: %s\n", *variable);
		}
	}
}

static void write_limits(FILE *out) {
	for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
		struct rlimit limit;
		getrlimit(resource, &limit);
		fprintf(out, "limit %d: %llu, %llu\n", resource, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
	}
	pthread_attr_t attributes;
	size_t stack;
	pthread_getattr_default_np(&attributes);
	pthread_attr_getstacksize(&attributes, &stack);
	fprintf(out, "a new thread's stack: %zu\n", stack);
	cpu_set_t processors;
	sched_getaffinity(0, sizeof processors, &processors);
	fprintf(out, "priority %d, scheduler %d, processors %d\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0), CPU_COUNT(&processors));
}

static void write_process(FILE *out) {
	mode_t mask = umask(0);
	umask(mask);
	char path[4096], name[17] = "";
	prctl(PR_GET_NAME, name);
	fprintf(out, "umask %o, folder %s, name %s\n", mask, getcwd(path, sizeof path), name);
	fprintf(out, "dumpable %d, timer slack %d, new privileges %d\n", prctl(PR_GET_DUMPABLE), prctl(PR_GET_TIMERSLACK), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	FILE *files[] = { stdin, stdout, stderr };
	for (int i = 0; i < 3; i++) {
		fprintf(out, "stdio %d: flags %x, buffer %zu, by line %d\n", i, fcntl(i, F_GETFL), __fbufsize(files[i]), __flbf(files[i]));
	}
}

/* What a program that the game starts would have open too. */
static void write_inherited_files(FILE *out) {
	DIR *files = opendir("/proc/self/fd");
	for (struct dirent *file; (file = readdir(files)) != NULL;) {
		char path[512], target[512] = "";
		int descriptor = atoi(file->d_name);
		if (file->d_name[0] == '.' || descriptor == dirfd(files) || descriptor == fileno(out) || (fcntl(descriptor, F_GETFD) & FD_CLOEXEC)) {
			continue;
		}
		snprintf(path, sizeof path, "/proc/self/fd/%s", file->d_name);
		if (readlink(path, target, sizeof target - 1) > 0) {
			fprintf(out, "inherited file: %.*s\n", (int)strcspn(target, "["), target);
		}
	}
	closedir(files);
}

static void write_all(const char *file) {
	char draft[4200];
	snprintf(draft, sizeof draft, "%s.draft", file);
	FILE *out = fopen(draft, "we");
	if (out == NULL) {
		return;
	}
	write_signals(out);
	write_thread_masks(out);
	write_floats(out);
	write_locale(out);
	write_limits(out);
	write_process(out);
	write_inherited_files(out);
	fclose(out);
	rename(draft, file);
}

static void frame(void) {
	const char *file = getenv("HOST_PROBE");
	if (file != NULL && file[0] != 0 && access(file, F_OK) != 0) {
		write_all(file);
	}
}

static GDExtensionInterfaceGetProcAddress get_proc_address;
static GDExtensionClassLibraryPtr library;

static void initialize(void *userdata, GDExtensionInitializationLevel level) {
	(void)userdata;
	if (level != GDEXTENSION_INITIALIZATION_CORE) {
		return;
	}
	snprintf(end_file, sizeof end_file, "%s", getenv("HOST_PROBE_END"));
	GDExtensionInterfaceRegisterMainLoopCallbacks register_callbacks =
			(GDExtensionInterfaceRegisterMainLoopCallbacks)(void *)get_proc_address("register_main_loop_callbacks");
	GDExtensionMainLoopCallbacks callbacks = { .frame_func = frame };
	register_callbacks(library, &callbacks);
}

static void deinitialize(void *userdata, GDExtensionInitializationLevel level) {
	(void)userdata;
	if (level == GDEXTENSION_INITIALIZATION_CORE) {
		write_all(end_file);
	}
}

__attribute__((visibility("default"))) GDExtensionBool host_probe_init(GDExtensionInterfaceGetProcAddress p_get_proc_address,
		GDExtensionClassLibraryPtr p_library, GDExtensionInitialization *r_initialization) {
	get_proc_address = p_get_proc_address;
	library = p_library;
	r_initialization->minimum_initialization_level = GDEXTENSION_INITIALIZATION_CORE;
	r_initialization->initialize = initialize;
	r_initialization->deinitialize = deinitialize;
	return 1;
}
