/* The load of `make bench`: WebSocket traffic on loopback, cheap enough not to be what is measured.
 *
 *     loadgen echo PORT CONNECTIONS ACTIVE IN_FLIGHT SIZE text|binary WARMUP SECONDS
 *         messages that a server sends back; ACTIVE of the CONNECTIONS send, the others are idle
 *     loadgen session PORT CONNECTIONS ACTIVE IN_FLIGHT SIZE binary WARMUP SECONDS
 *         the same in a session each (docs/sessions.md)
 *     loadgen broadcast PORT CONNECTIONS IN_FLIGHT SIZE WARMUP SECONDS
 *         messages that a server sends to everybody; the next one goes out when everybody has one
 *     loadgen latency PORT SIZE WARMUP SECONDS    the time until a message is back, one at a time
 *     loadgen hold PORT CONNECTIONS               idle connections until standard input ends
 *     loadgen pace PORT CONNECTIONS SIZE WARMUP SECONDS
 *         a message a second on each connection, evenly spread; the time until each is back. It sleeps in between
 *     loadgen play PORT CONNECTIONS PACKET        players of Godot's multiplayer, until standard input ends: they confirm the paths
 *         that they are told, and send PACKET, in hexadecimal, as often as it is taken; "-" for nothing
 *     loadgen storm PORT CONNECTIONS SECONDS      how long it takes all to get in when they come at once; ends after SECONDS
 *     loadgen serve SIZE WARMUP SECONDS           an echo server for one client; counts the client's messages
 *     loadgen reflect                             sends the bytes of one client back as they are: the most that loopback carries
 *
 * One thread, epoll. While it measures a rate it never sleeps: to wake it is half of a short round trip on a virtual machine, the
 * server waits for that, and pays for it with each write. What it reports as `busy` is the time in which it had something to do.
 *
 * A connection's frames are made once, masked with a real key (RFC 6455 section 5.3), and sent as a block;
 * answers are only delimited and counted, and a wrong length ends the run. Each mode prints one line of JSON at its end; those
 * with a WARMUP print `measuring` when it is over, so that the driver can look at the server's CPU time at both moments.
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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE (1 << 18)
#define MAX_BLOCK (1 << 24) /* Bytes that one connection sends in one write. */
#define MAX_ROUND_TRIPS (1 << 20)
#define OPEN_TIMEOUT 120 /* Seconds, for all connections. */
#define CONNECT_TIMEOUT 20
#define ACKNOWLEDGED_AFTER 4096 /* Messages of a session: far fewer than either end keeps by default. */
/* The engine's TCPServer has a backlog of 8: more at once would wait for a SYN to be sent again, after 1, 3, 7 ... seconds. */
#define OPENING_AT_ONCE 8

struct connection {
	int fd;
	int open;
	uint64_t header_bytes; /* Of the frame that is being read. */
	uint8_t header[14];
	uint64_t payload_left;
	int in_payload;
	uint8_t ping[125]; /* What the ping that is being read carries. */
	uint8_t path[38]; /* Of a player: the first bytes of the packet that is being read. */
	double sent_at; /* When the message was sent that is not back yet; 0: none. */
	uint64_t owed; /* Frames that wait to be written. */
	uint64_t written; /* Bytes of the current frame that are out. */
	uint64_t received, acknowledged; /* Messages of its session. */
};

static uint8_t *frame;
static size_t frame_size;
static size_t block_frames;
static uint64_t expected_payload; /* 0: any. */
static uint8_t buffer[READ_SIZE];
static int poller;
static int in_session; /* Then text is the layer's. */
static uint64_t pings;
static int playing;

static void die(const char *what) {
	perror(what);
	exit(1);
}

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
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

/* Answers a ping (RFC 6455 section 5.5.3), but between two halves of a frame: the next one does. Its mask is 0. */
static void pong(struct connection *connection) {
	uint8_t answer[6 + sizeof connection->ping] = { 0x8a, (uint8_t)(0x80 | connection->header[1]) };
	memcpy(answer + 6, connection->ping, connection->header[1]);
	pings++;
	if (connection->written == 0 && send(connection->fd, answer, 6 + connection->header[1], MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
		die("send");
	}
}

/* Whether the frame that is being read is of a message, and not of the layer's. */
static int is_message(const struct connection *connection) {
	int opcode = connection->header[0] & 0x0f;
	return opcode <= 2 && !(in_session && opcode == 1);
}

/* Says something of the session layer, between two frames. Its mask is 0. */
static void say(struct connection *connection, const char *message) {
	uint8_t said[6 + 125] = { 0x81, (uint8_t)(0x80 | strlen(message)) };
	memcpy(said + 6, message, strlen(message));
	if (send(connection->fd, said, 6 + strlen(message), MSG_NOSIGNAL) < 0) {
		die("send");
	}
}

static void say_hello(struct connection *connection) {
	static unsigned long number;
	char hello[125];
	snprintf(hello, sizeof hello, "\x10h{\"v\":1,\"buffer\":4194304,\"token\":\"loadgen%015lu\"}\n", number++);
	say(connection, hello);
}

static void acknowledge(struct connection *connection) {
	char message[32];
	snprintf(message, sizeof message, "\x10" "a%lu\n", (unsigned long)connection->received);
	say(connection, message);
	connection->acknowledged = connection->received;
}

/* Confirms the path that a SIMPLIFY_PATH of Godot's SceneMultiplayer tells: 01, 33 bytes, an id. Its mask is 0. */
static void confirm(struct connection *connection) {
	uint8_t answer[12] = { 0x82, 0x86, 0, 0, 0, 0, 2, 1 };
	memcpy(answer + 8, connection->path + 34, 4);
	if (send(connection->fd, answer, sizeof answer, MSG_NOSIGNAL) < 0) {
		die("send");
	}
}

/* Delimits the frames in what arrived, and answers pings; returns how many messages were completed. */
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
			if (is_message(connection) && expected_payload && connection->payload_left != expected_payload) {
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
		int opcode = connection->header[0] & 0x0f;
		if (opcode == 9 && connection->header[1] <= sizeof connection->ping) {
			memcpy(connection->ping + connection->header[1] - connection->payload_left, data, part);
		}
		uint64_t at = payload_length(connection) - connection->payload_left;
		if (playing && at < sizeof connection->path) {
			memcpy(connection->path + at, data, part < sizeof connection->path - at ? part : sizeof connection->path - at);
		}
		data += part;
		size -= part;
		connection->payload_left -= part;
		if (connection->payload_left == 0) {
			complete += is_message(connection) && (connection->header[0] & 0x80) != 0;
			if (opcode == 9 && connection->header[1] <= sizeof connection->ping) {
				pong(connection);
			}
			if (playing && payload_length(connection) > sizeof connection->path && (connection->path[0] & 7) == 1) {
				confirm(connection);
			}
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
	static const char start[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
								"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
	char request[512];
	int length = snprintf(request, sizeof request, "%s%s\r\n", start, in_session ? "Sec-WebSocket-Protocol: session1.ws-python\r\n" : "");
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		errno = error;
		die("connect");
	}
	if (send(connection->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
		die("send request");
	}
	watch(connection, EPOLLIN, EPOLL_CTL_MOD);
}

/* A connection that is shaking hands can go on; returns whether it is open now. */
static int advance_opening(struct connection *connection, uint32_t ready) {
	if (ready & EPOLLOUT) {
		send_request(connection);
		return 0;
	}
	ssize_t size = recv(connection->fd, buffer, sizeof buffer, 0);
	const uint8_t *end = size > 0 ? memmem(buffer, (size_t)size, "\r\n\r\n", 4) : NULL;
	if (end == NULL || memcmp(buffer, "HTTP/1.1 101", 12) != 0) {
		fprintf(stderr, "loadgen: refused: %.*s\n", (int)(size > 0 ? size : 0), buffer);
		exit(1);
	}
	connection->open = 1;
	if (in_session) {
		say_hello(connection);
	}
	parse(connection, end + 4, (size_t)(buffer + size - end - 4));
	return 1;
}

/* Reads what arrived on a connection; returns how many messages that completed. */
static uint64_t read_messages(struct connection *connection) {
	ssize_t size = recv(connection->fd, buffer, sizeof buffer, 0);
	if (size < 0 && errno == EAGAIN) {
		return 0;
	}
	if (size <= 0) {
		fprintf(stderr, "loadgen: the connection broke\n");
		exit(1);
	}
	uint64_t complete = parse(connection, buffer, (size_t)size);
	connection->received += complete;
	if (in_session && connection->received - connection->acknowledged >= ACKNOWLEDGED_AFTER && connection->written == 0) {
		acknowledge(connection);
	}
	return complete;
}

/* Opens connections, `at_once` of them at a time; returns how many are through their opening handshake within `seconds`. */
static size_t open_within(struct connection *connections, size_t count, int port, size_t at_once, double seconds) {
	struct epoll_event events[256];
	double end = now() + seconds;
	size_t started = 0, open = 0;
	while (open < count && now() < end) {
		while (started < count && started - open < at_once) {
			start_connect(&connections[started++], port);
		}
		int ready = epoll_wait(poller, events, 256, 50);
		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			if (!connection->open) {
				open += (size_t)advance_opening(connection, events[i].events);
			} else {
				read_messages(connection); /* A ping, where the others take their time. */
			}
		}
	}
	return open;
}

/* The start of the measured part, told to the driver. */
static double start_measuring(void) {
	printf("measuring\n");
	fflush(stdout);
	return now();
}

/* Queues frames on a connection. */
static void owe(struct connection *connection, uint64_t frames) {
	int waiting = connection->owed > 0;
	connection->owed += frames;
	if (!waiting) {
		write_owed(connection);
	}
}

/* Runs for warmup + seconds and prints the rate of the second part. A message is followed by the next one on the same
 * connection; or, with an `audience`, by one on the first connection when the whole audience has received one. */
static void run(struct connection *first, uint64_t payload, size_t audience, double warmup, double seconds) {
	struct epoll_event events[256];
	double start = now(), measured = 0, busy = 0, time = start;
	uint64_t received = 0, base = 0, broadcasts = 0;
	for (;;) {
		if (!measured && time - start >= warmup) {
			time = measured = start_measuring();
			base = received;
			busy = 0;
		}
		if (measured && time - measured >= seconds) {
			break;
		}
		int ready = epoll_wait(poller, events, 256, 0);
		double woken = now();
		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			if (events[i].events & EPOLLOUT) {
				watch(connection, EPOLLIN, EPOLL_CTL_MOD);
				write_owed(connection);
			}
			uint64_t complete = events[i].events & EPOLLIN ? read_messages(connection) : 0;
			received += complete;
			if (!audience && complete) {
				owe(connection, complete);
			}
		}
		if (audience && received / audience > broadcasts) {
			owe(first, received / audience - broadcasts);
			broadcasts = received / audience;
		}
		time = now();
		busy += ready > 0 ? time - woken : 0;
	}
	double duration = time - measured;
	double rate = (double)(received - base) / duration;
	printf("{\"messages\": %lu, \"seconds\": %.6f, \"rate\": %.1f, \"bytes_per_second\": %.1f, \"busy\": %.3f}\n",
			(unsigned long)(received - base), duration, rate, rate * (double)payload, busy / duration);
}

static struct connection *new_connections(size_t count) {
	struct connection *connections = calloc(count, sizeof *connections);
	poller = epoll_create1(0);
	if (connections == NULL || poller < 0) {
		die("start");
	}
	return connections;
}

/* Opens all connections, or ends the run. */
static struct connection *open_all(size_t count, int port) {
	struct connection *connections = new_connections(count);
	size_t open = open_within(connections, count, port, OPENING_AT_ONCE, OPEN_TIMEOUT);
	if (open < count) {
		fprintf(stderr, "loadgen: only %zu of %zu connections got in\n", open, count);
		exit(1);
	}
	return connections;
}

/* Frames as a client sends them, a block of those in flight. */
static void make_client_frames(size_t size, int text, size_t in_flight) {
	make_frames(size, text, 1, size * in_flight > MAX_BLOCK ? 1 : in_flight);
	expected_payload = size;
}

static void echo(char **arguments) {
	size_t active = (size_t)atol(arguments[2]), in_flight = (size_t)atol(arguments[3]), size = (size_t)atol(arguments[4]);
	make_client_frames(size, strcmp(arguments[5], "text") == 0, in_flight);
	struct connection *connections = open_all((size_t)atol(arguments[1]), atoi(arguments[0]));
	for (size_t i = 0; i < active; i++) {
		owe(&connections[i], in_flight);
	}
	run(connections, size, 0, atof(arguments[6]), atof(arguments[7]));
}

static void session(char **arguments) {
	in_session = 1;
	echo(arguments);
}

static void broadcast(char **arguments) {
	size_t count = (size_t)atol(arguments[1]), in_flight = (size_t)atol(arguments[2]), size = (size_t)atol(arguments[3]);
	make_client_frames(size, 0, in_flight);
	struct connection *connections = open_all(count, atoi(arguments[0]));
	owe(connections, in_flight);
	run(connections, size, count, atof(arguments[4]), atof(arguments[5]));
}

static int compare_doubles(const void *left, const void *right) {
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

/* Sends a message and waits until it is back; returns the seconds that took. */
static double round_trip(struct connection *connection) {
	struct epoll_event event;
	double start = now();
	owe(connection, 1);
	for (;;) {
		if (epoll_wait(poller, &event, 1, CONNECT_TIMEOUT * 1000) != 1) {
			fprintf(stderr, "loadgen: no answer\n");
			exit(1);
		}
		if (read_messages(connection)) {
			return now() - start;
		}
	}
}

static void latency(char **arguments) {
	double *times = calloc(MAX_ROUND_TRIPS, sizeof *times);
	size_t size = (size_t)atol(arguments[1]), count = 0;
	make_client_frames(size, 0, 1);
	struct connection *connection = open_all(1, atoi(arguments[0]));
	double end = now() + atof(arguments[2]);
	while (now() < end) {
		round_trip(connection);
	}
	end = start_measuring() + atof(arguments[3]);
	while (count < MAX_ROUND_TRIPS && (count == 0 || now() < end)) {
		times[count++] = round_trip(connection);
	}
	qsort(times, count, sizeof *times, compare_doubles);
	printf("{\"messages\": %zu, \"median\": %.9f, \"p99\": %.9f}\n", count, times[count / 2], times[count * 99 / 100]);
}

static void pace(char **arguments) {
	size_t connections = (size_t)atol(arguments[1]), count = 0, late = 0, next = 0;
	double seconds = atof(arguments[4]);
	double *times = calloc((size_t)((double)connections * (seconds + 1)), sizeof *times);
	make_client_frames((size_t)atol(arguments[2]), 0, 1);
	struct connection *all = open_all(connections, atoi(arguments[0]));
	struct epoll_event events[256];
	double start = now(), measured = 0, time = start;
	while (!measured || time - measured < seconds) {
		if (!measured && time - start >= atof(arguments[3])) {
			time = measured = start_measuring();
			pings = 0;
		}
		for (; (double)next < (time - start) * (double)connections; next++) {
			struct connection *connection = &all[next % connections];
			if (connection->sent_at > 0) {
				late += measured > 0; /* Its turn is left out. */
				continue;
			}
			connection->sent_at = now();
			owe(connection, 1);
		}
		int ready = epoll_wait(poller, events, 256, 1);
		time = now();
		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			if (events[i].events & EPOLLOUT) {
				watch(connection, EPOLLIN, EPOLL_CTL_MOD);
				write_owed(connection);
			}
			if (events[i].events & EPOLLIN && read_messages(connection)) {
				if (measured && connection->sent_at >= measured) {
					times[count++] = time - connection->sent_at;
				}
				connection->sent_at = 0;
			}
		}
	}
	qsort(times, count, sizeof *times, compare_doubles);
	printf("{\"messages\": %zu, \"median\": %.9f, \"p99\": %.9f, \"most\": %.9f, \"late\": %zu, \"pings\": %lu}\n", count, times[count / 2],
			times[count * 99 / 100], times[count ? count - 1 : 0], late, (unsigned long)pings);
}

static void hold(char **arguments) {
	open_all((size_t)atol(arguments[1]), atoi(arguments[0]));
	printf("{}\n");
	fflush(stdout);
	while (read(STDIN_FILENO, buffer, sizeof buffer) > 0) {
	}
}

static void play(char **arguments) {
	size_t count = (size_t)atol(arguments[1]), size = strlen(arguments[2]) / 2;
	struct epoll_event events[256];
	playing = 1;
	make_frames(size, 0, 1, 64);
	for (size_t n = 0; n < 64; n++) {
		for (size_t i = 0; i < size; i++) {
			const char digits[3] = { arguments[2][2 * i], arguments[2][2 * i + 1], 0 };
			frame[n * frame_size + frame_size - size + i] = (uint8_t)strtol(digits, NULL, 16) ^ frame[n * frame_size + frame_size - size - 4 + i % 4];
		}
	}
	struct connection *all = open_all(count, atoi(arguments[0]));
	for (size_t i = 0; size > 0 && i < count; i++) {
		owe(&all[i], UINT64_MAX / 2);
	}
	printf("{}\n");
	fflush(stdout);
	struct epoll_event input = { .events = EPOLLIN, .data.ptr = NULL };
	if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0) {
		die("epoll_ctl");
	}
	for (;;) {
		int ready = epoll_wait(poller, events, 256, -1);
		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;
			if (connection == NULL) {
				return;
			}
			if (events[i].events & EPOLLOUT) {
				watch(connection, EPOLLIN, EPOLL_CTL_MOD);
				write_owed(connection);
			}
			if (events[i].events & EPOLLIN) {
				read_messages(connection);
			}
		}
	}
}

static void storm(char **arguments) {
	size_t count = (size_t)atol(arguments[1]);
	double start = now();
	size_t open = open_within(new_connections(count), count, atoi(arguments[0]), count, atof(arguments[2]));
	printf("{\"open\": %zu, \"seconds\": %.6f}\n", open, now() - start);
}

/* Says where it listens, and returns the first client's socket; its request is in `buffer`. */
static int accept_client(void) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int one = 1;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 8) < 0) {
		die("listen");
	}
	getsockname(listener, (struct sockaddr *)&address, &size);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	alarm(CONNECT_TIMEOUT);
	int fd = accept4(listener, NULL, NULL, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	ssize_t request = recv(fd, buffer, sizeof buffer - 1, 0);
	buffer[request > 0 ? request : 0] = 0;
	alarm(0);
	return fd;
}

/* The answer to a client's key is asked of the driver on standard input: this program knows no SHA-1. */
static void serve(char **arguments) {
	struct connection *connections = new_connections(1);
	char accept_key[64];
	connections->fd = accept_client();
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
	make_frames((size_t)atol(arguments[0]), 0, 0, 256);
	connections->open = 1;
	watch(connections, EPOLLIN, EPOLL_CTL_ADD);
	run(connections, (uint64_t)atol(arguments[0]), 0, atof(arguments[1]), atof(arguments[2]));
}

/* Does not sleep, as the rest does not. */
static void reflect(char **arguments) {
	(void)arguments;
	int fd = accept_client();
	dprintf(fd, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
	for (;;) {
		ssize_t size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
		if (size == 0 || (size < 0 && errno != EAGAIN)) {
			return;
		}
		for (ssize_t sent = 0; sent < size;) {
			ssize_t part = send(fd, buffer + sent, (size_t)(size - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
			if (part < 0 && errno != EAGAIN) {
				return;
			}
			sent += part > 0 ? part : 0;
		}
	}
}

struct mode {
	const char *name;
	int arguments;
	void (*run)(char **arguments);
};

static const struct mode modes[] = {
	{ "echo", 8, echo },
	{ "session", 8, session },
	{ "broadcast", 6, broadcast },
	{ "latency", 4, latency },
	{ "pace", 5, pace },
	{ "hold", 2, hold },
	{ "play", 3, play },
	{ "storm", 3, storm },
	{ "serve", 3, serve },
	{ "reflect", 0, reflect },
};

int main(int count, char **arguments) {
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (count == modes[i].arguments + 2 && strcmp(arguments[1], modes[i].name) == 0) {
			modes[i].run(arguments + 2);
			return 0;
		}
	}
	fprintf(stderr, "loadgen: see the first lines of loadgen.c for the usage\n");
	return 1;
}
