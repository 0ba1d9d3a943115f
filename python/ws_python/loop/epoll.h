/* What epoll.pyx needs of Linux; elsewhere the same names, so that it compiles, and IS_LINUX says that there is no epoll. */
#ifdef __linux__

#include <sys/epoll.h>
#include <unistd.h>
#define IS_LINUX 1

#else

#include <stdint.h>
#ifdef _WIN32
#include <io.h> /* close */
#else
#include <unistd.h>
#endif
#define IS_LINUX 0
enum { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT };
struct epoll_event { uint32_t events; union { int fd; } data; };
static int epoll_create1(int flags) { return -1; }
static int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) { return -1; }
static int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) { return -1; }

#endif
