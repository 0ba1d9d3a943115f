/* What plain_tcp.pyx needs of Linux; elsewhere the same names, so that it compiles: there nobody makes a PlainLink. */
#ifdef __linux__

#include <sys/socket.h>
#include <sys/uio.h>

#else

#include <stddef.h>
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { struct iovec *msg_iov; size_t msg_iovlen; };
static ptrdiff_t recv(int fd, void *buffer, size_t size, int flags) { return -1; }
static ptrdiff_t send(int fd, const void *data, size_t size, int flags) { return -1; }
static ptrdiff_t sendmsg(int fd, const struct msghdr *message, int flags) { return -1; }
#define MSG_DONTWAIT 0
#define MSG_NOSIGNAL 0

#endif
