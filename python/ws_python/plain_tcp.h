/* What plain_tcp.pyx needs of Linux; elsewhere the same names, so that it compiles, and Reader() says that it is not available. */
#ifdef __linux__

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#define IS_LINUX 1

#else

#include <stddef.h>
#include <stdint.h>
#ifdef _WIN32
#include <io.h> /* close */
#else
#include <unistd.h>
#endif
#define IS_LINUX 0
enum { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN, PLAIN_TCP_FLAGS };
struct epoll_event { uint32_t events; union { int fd; } data; };
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { struct iovec *msg_iov; size_t msg_iovlen; };
static int epoll_create1(int flags) { return -1; }
static int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) { return -1; }
static int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) { return -1; }
static ptrdiff_t recv(int fd, void *buffer, size_t size, int flags) { return -1; }
static ptrdiff_t send(int fd, const void *data, size_t size, int flags) { return -1; }
static ptrdiff_t sendmsg(int fd, const struct msghdr *message, int flags) { return -1; }
#define MSG_DONTWAIT 0
#define MSG_NOSIGNAL 0

#endif
