/* What epoll.pyx needs: of Linux; of Windows by wepoll; elsewhere the same names, so that it compiles, and HAS_EPOLL is 0. */
#ifdef __linux__

#include <sys/epoll.h>
#include <unistd.h>
#define HAS_EPOLL 1
#define WATCHES_EPOLL 1

#elif defined(_WIN32) && __has_include("wepoll.c")

/* https://github.com/piscisaureus/wepoll: epoll over the system's own completion ports. A socket is a handle, of which 32
 * bits count; a wepoll watches sockets only, and no other wepoll. */
#define WEPOLL_EXPORT static
#include "wepoll.c"
#define HAS_EPOLL 1
#define WATCHES_EPOLL 0
#define EPOLL_CLOEXEC 0

static int windows_epoll_create(int flags) {
	HANDLE made = epoll_create1(flags);
	return made ? (int)(intptr_t)made : -1;
}
static int windows_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
	return epoll_ctl((HANDLE)(intptr_t)epoll, operation, (SOCKET)fd, event);
}
static int windows_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
	return epoll_wait((HANDLE)(intptr_t)epoll, events, most, timeout);
}
static int windows_epoll_close(int epoll) { return epoll_close((HANDLE)(intptr_t)epoll); }
#define epoll_create1 windows_epoll_create
#define epoll_ctl windows_epoll_ctl
#define epoll_wait windows_epoll_wait
#define close windows_epoll_close

#else

#include <stdint.h>
#ifdef _WIN32
#include <io.h> /* close */
#else
#include <unistd.h>
#endif
#define HAS_EPOLL 0
#define WATCHES_EPOLL 0
enum { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT };
struct epoll_event { uint32_t events; union { int fd; } data; };
static int epoll_create1(int flags) { return -1; }
static int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) { return -1; }
static int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) { return -1; }

#endif
