/* What plain_tcp.pyx needs: of Linux; of Windows; elsewhere the same names, so that it compiles: there nobody makes a PlainLink. */
#ifdef __linux__

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/ioctl.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <linux/tcp.h>

/* tcp(7): bytes that the other side did not confirm, and those of them that were not even sent; -1 where it is not TCP. */
static int unconfirmed_bytes(int fd) { int size; return ioctl(fd, SIOCOUTQ, &size) < 0 ? -1 : size; }
static int unsent_bytes(int fd) { int size; return ioctl(fd, SIOCOUTQNSD, &size) < 0 ? -1 : size; }
/* Microseconds from a segment to its confirmation, as the system has measured on the traffic; 0 where it has not. */
static int round_trip_time(int fd) {
	struct tcp_info info = { 0 };
	socklen_t size = sizeof info;
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ? 0 : (int)info.tcpi_rtt;
}
/* Have the system say that there is room while it has fewer unsent bytes than that; 0: as usual. */
static int set_unsent_room(int fd, int size) { return setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &size, sizeof size); }

#elif defined(_WIN32)

#include <errno.h>
#include <winsock2.h>

/* The socket does not block by itself, and no signal is known; of the errors, only those count that mean "later". */
#define MSG_DONTWAIT 0
#define MSG_NOSIGNAL 0
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { struct iovec *msg_iov; size_t msg_iovlen; };

static ptrdiff_t windows_result(int result, DWORD size) {
	if (result != SOCKET_ERROR) {
		return (ptrdiff_t)size;
	}
	int error = WSAGetLastError();
	errno = error == WSAEWOULDBLOCK ? EAGAIN : error == WSAEINTR ? EINTR : EIO;
	return -1;
}
/* It takes whatever it is given while it holds little: the rest waits with us, where it is counted. */
#define MOST_AT_ONCE (1024 * 1024)
static ULONG at_once(size_t size) { return size < MOST_AT_ONCE ? (ULONG)size : MOST_AT_ONCE; }
static ptrdiff_t windows_recv(int fd, void *buffer, size_t size, int flags) {
	int received = recv((SOCKET)fd, (char *)buffer, (int)at_once(size), flags);
	return windows_result(received, (DWORD)received);
}
static ptrdiff_t windows_send(int fd, const void *data, size_t size, int flags) {
	int sent = send((SOCKET)fd, (const char *)data, (int)at_once(size), flags);
	return windows_result(sent, (DWORD)sent);
}
/* Of two parts; the second one only behind all of the first. */
static ptrdiff_t windows_sendmsg(int fd, const struct msghdr *message, int flags) {
	const struct iovec *given = message->msg_iov;
	WSABUF parts[2] = { { at_once(given[0].iov_len), given[0].iov_base }, { at_once(given[1].iov_len), given[1].iov_base } };
	DWORD sent = 0;
	int result = WSASend((SOCKET)fd, parts, given[0].iov_len > MOST_AT_ONCE ? 1 : 2, &sent, (DWORD)flags, NULL, NULL);
	return windows_result(result, sent);
}
#define recv windows_recv
#define send windows_send
#define sendmsg windows_sendmsg
/* What only Linux tells. */
static int unconfirmed_bytes(int fd) { return -1; }
static int unsent_bytes(int fd) { return -1; }
static int set_unsent_room(int fd, int size) { return -1; }
static int round_trip_time(int fd) { return 0; }

#else

#include <stddef.h>
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { struct iovec *msg_iov; size_t msg_iovlen; };
static ptrdiff_t recv(int fd, void *buffer, size_t size, int flags) { return -1; }
static ptrdiff_t send(int fd, const void *data, size_t size, int flags) { return -1; }
static ptrdiff_t sendmsg(int fd, const struct msghdr *message, int flags) { return -1; }
static int unconfirmed_bytes(int fd) { return -1; }
static int unsent_bytes(int fd) { return -1; }
static int set_unsent_room(int fd, int size) { return -1; }
static int round_trip_time(int fd) { return 0; }
#define MSG_DONTWAIT 0
#define MSG_NOSIGNAL 0

#endif
