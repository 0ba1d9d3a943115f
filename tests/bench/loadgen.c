/* The load of `make bench`: WebSocket traffic on loopback, cheap enough not to be what is measured.
 *
 *     loadgen echo PORT CONNECTIONS IN_FLIGHT SIZE text|binary WARMUP SECONDS   messages answered by a server, counted
 *     loadgen receive PORT CONNECTIONS WARMUP SECONDS                           messages that a server sends by itself, counted
 *     loadgen hold PORT CONNECTIONS                                             idle connections until standard input ends
 *     loadgen serve WARMUP SECONDS                                              an echo server for one client; counts its messages
 *
 * One thread, epoll. A connection's frames are made once, masked with a real key (RFC 6455 section 5.3), and sent as a block;
 * answers are only delimited and counted, and a wrong length ends the run. Each mode prints one line of JSON at its end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE (1 << 18)

struct connection {
	int fd;
	int open;
	uint64_t header_bytes; /* Of the frame that is being read. */
	uint8_t header[14];
	uint64_t payload_left;
	int in_payload;
	uint64_t owed; /* Frames that wait to be written. */
	uint64_t written; /* Bytes of the current frame that are out. */
};

static uint8_t *frame;
static size_t frame_size;
static size_t block_frames;
static uint64_t expected_payload; /* 0: any. */
static uint64_t received;
static uint8_t buffer[READ_SIZE];
static int poller;

static void die(const char *what) {
	perror(what);
	exit(1);
}

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double cpu(void) {
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* A block of equal frames, so that many leave in one write. `mask` as a client does. */
static void make_frames(size_t size, int text, int mask, size_t frames) {
	static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
	uint8_t header[14];
	size_t length = 2;
	header[0] = text ? 0x81 : 0x82;
	if (size < 126) {
		header[1] = (uint8_t)size;
	} else if (size < 65536) {
		header[1] = 126;
		header[2] = (uint8_t)(size >> 8);
		header[3] = (uint8_t)size;
		length = 4;
	} else {
		header[1] = 127;
		for (int i = 0; i < 8; i++) {
			header[2 + i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
		}
		length = 10;
	}
	if (mask) {
		header[1] |= 0x80;
		memcpy(header + length, key, 4);
		length += 4;
	}
	frame_size = length + size;
	block_frames = frames;
	frame = malloc(frame_size * frames);
	for (size_t n = 0; n < frames; n++) {
		uint8_t *start = frame + n * frame_size;
		memcpy(start, header, length);
		for (size_t i = 0; i < size; i++) {
			start[length + i] = (uint8_t)('a' + i % 26) ^ (mask ? key[i % 4] : 0);
		}
	}
}

static void watch(struct connection *connection, uint32_t events, int operation) {
	struct epoll_event event = { .events = events, .data.ptr = connection };
	if (epoll_ctl(poller, operation, connection->fd, &event) < 0) {
		die("epoll_ctl");
	}
}

/* Writes what is owed, as much as the socket takes. */
static void write_owed(struct connection *connection) {
	while (connection->owed > 0) {
		size_t frames = connection->owed < block_frames ? connection->owed : block_frames;
		ssize_t sent = send(connection->fd, frame + connection->written, frames * frame_size - connection->written, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno != EAGAIN) {
				die("send");
			}
			watch(connection, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
			return;
		}
		uint64_t total = connection->written + (uint64_t)sent;
		connection->owed -= total / frame_size;
		connection->written = total % frame_size;
	}
}

static uint64_t payload_length(const struct connection *connection) {
	uint64_t length = connection->header[1] & 0x7f;
	int extra = length == 126 ? 2 : length == 127 ? 8 : 0;
	if (extra) {
		length = 0;
		for (int i = 0; i < extra; i++) {
			length = length << 8 | connection->header[2 + i];
		}
	}
	return length;
}

static size_t header_length(const struct connection *connection) {
	if (connection->header_bytes < 2) {
		return 2;
	}
	uint8_t length = connection->header[1] & 0x7f;
	return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (connection->header[1] & 0x80 ? 4 : 0);
}

/* Delimits the frames in what arrived; returns how many messages were completed. */
static uint64_t parse(struct connection *connection, const uint8_t *data, size_t size) {
	uint64_t complete = 0;
	while (size > 0) {
		if (!connection->in_payload) {
			connection->header[connection->header_bytes++] = *data++;
			size--;
			if (connection->header_bytes < header_length(connection)) {
				continue;
			}
			connection->payload_left = payload_length(connection);
			if ((connection->header[0] & 0x0f) <= 2 && expected_payload && connection->payload_left != expected_payload) {
				fprintf(stderr, "loadgen: an answer of %lu bytes\n", (unsigned long)connection->payload_left);
				exit(1);
			}
			if ((connection->header[0] & 0x0f) == 8) {
				fprintf(stderr, "loadgen: the other side closed\n");
				exit(1);
			}
			connection->in_payload = 1;
		}
		uint64_t part = size < connection->payload_left ? size : connection->payload_left;
		data += part;
		size -= part;
		connection->payload_left -= part;
		if (connection->payload_left == 0) {
			complete += (connection->header[0] & 0x80) != 0;
			connection->in_payload = 0;
			connection->header_bytes = 0;
		}
	}
	return complete;
}

static void start_connect(struct connection *connection, int port) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connection->fd < 0) {
		die("socket");
	}
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
		die("connect");
	}
	watch(connection, EPOLLOUT, EPOLL_CTL_ADD);
}

static void send_request(struct connection *connection) {
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
								  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		errno = error;
		die("connect");
	}
	if (send(connection->fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof request - 1)) {
		die("send request");
	}
	watch(connection, EPOLLIN, EPOLL_CTL_MOD);
}

/* Opens all at once; returns the seconds until the last is through its opening handshake. */
static double open_all(struct connection *connections, size_t count, int port) {
	struct epoll_event events[256];
	double start = now();
	size_t open = 0;
	for (size_t i = 0; i < count; i++) {
		start_connect(&connections[i], port);
	}
	while (open < count) {
		int ready = epoll_wait(poller, events, 256, 200000);
		if (ready <= 0) {
			fprintf(stderr, "loadgen: only %zu of %zu connections got in\n", open, count);
			exit(1);
		}
		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			if (connection->open) {
				continue;
			}
			if (events[i].events & EPOLLOUT) {
				send_request(connection);
				continue;
			}
			ssize_t size = recv(connection->fd, buffer, sizeof buffer, 0);
			const uint8_t *end = size > 0 ? memmem(buffer, (size_t)size, "\r\n\r\n", 4) : NULL;
			if (end == NULL || memcmp(buffer, "HTTP/1.1 101", 12) != 0) {
				fprintf(stderr, "loadgen: refused: %.*s\n", (int)(size > 0 ? size : 0), buffer);
				exit(1);
			}
			connection->open = 1;
			open++;
			parse(connection, end + 4, (size_t)(buffer + size - end - 4));
		}
	}
	return now() - start;
}

/* Runs for warmup + seconds and prints the rate of the second part. */
static void run(uint64_t payload, double warmup, double seconds, int answer, double opened_in) {
	struct epoll_event events[256];
	double start = now(), measured = 0, cpu_start = 0;
	uint64_t base = 0;
	for (;;) {
		double elapsed = now() - start;
		if (!measured && elapsed >= warmup) {
			measured = now();
			base = received;
			cpu_start = cpu();
		}
		if (elapsed >= warmup + seconds) {
			break;
		}
		int ready = epoll_wait(poller, events, 256, 50);
		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			if (events[i].events & EPOLLOUT) {
				watch(connection, EPOLLIN, EPOLL_CTL_MOD);
				write_owed(connection);
			}
			if (!(events[i].events & EPOLLIN)) {
				continue;
			}
			ssize_t size = recv(connection->fd, buffer, sizeof buffer, 0);
			if (size < 0 && errno == EAGAIN) {
				continue;
			}
			if (size <= 0) {
				fprintf(stderr, "loadgen: the connection broke\n");
				exit(1);
			}
			uint64_t complete = parse(connection, buffer, (size_t)size);
			received += complete;
			if (answer && complete) {
				connection->owed += complete;
				if (connection->owed == complete || connection->written == 0) {
					write_owed(connection);
				}
			}
		}
	}
	double duration = now() - measured;
	printf("{\"messages\": %lu, \"seconds\": %.6f, \"rate\": %.1f, \"bytes_per_second\": %.1f, \"load_cpu\": %.3f, \"opened_in\": %.6f}\n",
			(unsigned long)(received - base), duration, (double)(received - base) / duration, (double)(received - base) * (double)payload / duration,
			(cpu() - cpu_start) / duration, opened_in);
}

static struct connection *new_connections(size_t count) {
	struct connection *connections = calloc(count, sizeof *connections);
	poller = epoll_create1(0);
	if (connections == NULL || poller < 0) {
		die("start");
	}
	return connections;
}

static void echo(char **arguments) {
	int port = atoi(arguments[0]);
	size_t count = (size_t)atoi(arguments[1]), in_flight = (size_t)atoi(arguments[2]), size = (size_t)atol(arguments[3]);
	struct connection *connections = new_connections(count);
	make_frames(size, strcmp(arguments[4], "text") == 0, 1, size * in_flight > (1 << 24) ? 1 : in_flight);
	expected_payload = size;
	double opened_in = open_all(connections, count, port);
	for (size_t i = 0; i < count; i++) {
		connections[i].owed = in_flight;
		write_owed(&connections[i]);
	}
	run(size, atof(arguments[5]), atof(arguments[6]), 1, opened_in);
}

static void receive(char **arguments) {
	size_t count = (size_t)atoi(arguments[1]);
	struct connection *connections = new_connections(count);
	double opened_in = open_all(connections, count, atoi(arguments[0]));
	run(0, atof(arguments[2]), atof(arguments[3]), 0, opened_in);
}

static void hold(char **arguments) {
	size_t count = (size_t)atoi(arguments[1]);
	struct connection *connections = new_connections(count);
	double opened_in = open_all(connections, count, atoi(arguments[0]));
	printf("{\"opened_in\": %.6f}\n", opened_in);
	fflush(stdout);
	while (read(STDIN_FILENO, buffer, sizeof buffer) > 0) {
	}
}

/* The answer to a client's key is asked of the driver on standard input: this program knows no SHA-1. */
static void serve(char **arguments) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	struct connection *connections = new_connections(1);
	char accept_key[64];
	int one = 1;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 8) < 0) {
		die("listen");
	}
	getsockname(listener, (struct sockaddr *)&address, &size);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	connections->fd = accept4(listener, NULL, NULL, 0);
	setsockopt(connections->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	ssize_t request = recv(connections->fd, buffer, sizeof buffer - 1, 0);
	buffer[request > 0 ? request : 0] = 0;
	const char *key = strcasestr((char *)buffer, "Sec-WebSocket-Key: ");
	if (key == NULL) {
		fprintf(stderr, "loadgen: no opening handshake\n");
		exit(1);
	}
	printf("%.24s\n", key + 19);
	fflush(stdout);
	if (scanf("%63s", accept_key) != 1) {
		exit(1);
	}
	dprintf(connections->fd, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept_key);
	make_frames(32, 0, 0, 256);
	connections->open = 1;
	watch(connections, EPOLLIN, EPOLL_CTL_ADD);
	run(32, atof(arguments[0]), atof(arguments[1]), 1, 0);
}

int main(int count, char **arguments) {
	const char *mode = count > 1 ? arguments[1] : "";
	signed char known = 1;
	if (strcmp(mode, "echo") == 0 && count == 9) {
		echo(arguments + 2);
	} else if (strcmp(mode, "receive") == 0 && count == 6) {
		receive(arguments + 2);
	} else if (strcmp(mode, "hold") == 0 && count == 4) {
		hold(arguments + 2);
	} else if (strcmp(mode, "serve") == 0 && count == 4) {
		serve(arguments + 2);
	} else {
		known = 0;
	}
	if (!known) {
		fprintf(stderr, "loadgen: see the first lines of loadgen.c for the usage\n");
	}
	return !known;
}
