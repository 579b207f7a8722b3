/*
 * tap_guest: a guest that uses the host's kernel. It creates a tap device in a new network namespace, carries the
 * tap's frames over a Unix socket as libkrun does (each after its length, 4 bytes, big-endian), and runs a command in
 * the namespace.
 *
 *   tap_guest SOCKET SEED LOSS DUPLICATION REORDERING COMMAND [ARG...]
 *
 * LOSS, DUPLICATION and REORDERING are the shares of affected frames in each direction, in thousandths. SEED seeds the
 * random numbers.
 */
#include <arpa/inet.h>
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define FRAME_MAX 65550

struct frame {
	size_t size;
	unsigned char bytes[4 + FRAME_MAX]; /* after the length field */
};

/* One direction of the link. */
struct carrier {
	bool to_tap;
	uint64_t state;
	struct frame held; /* is sent after the next frame */
};

static int tap, link_fd;
static unsigned loss, duplication, reordering;

/* Returns a random number from 0 to 999. */
static unsigned draw(struct carrier *carrier)
{
	carrier->state = carrier->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(carrier->state >> 33) % 1000;
}

static void write_all(const unsigned char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = write(link_fd, bytes, size);
		if (count <= 0)
			exit(0); /* The gateway closed the link. */
		bytes += count;
		size -= (size_t)count;
	}
}

static void read_all(unsigned char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = read(link_fd, bytes, size);
		if (count <= 0)
			exit(0);
		bytes += count;
		size -= (size_t)count;
	}
}

static void send_frame(struct carrier *carrier, const struct frame *frame)
{
	if (!carrier->to_tap)
		write_all(frame->bytes, 4 + frame->size);
	else if (write(tap, frame->bytes + 4, frame->size) < 0)
		warn("writing to the tap");
}

static void carry(struct carrier *carrier, struct frame *frame)
{
	if (draw(carrier) < loss)
		return;
	if (carrier->held.size == 0 && draw(carrier) < reordering) {
		carrier->held = *frame;
		return;
	}
	send_frame(carrier, frame);
	if (draw(carrier) < duplication)
		send_frame(carrier, frame);
	if (carrier->held.size > 0)
		send_frame(carrier, &carrier->held);
	carrier->held.size = 0;
}

static void *carry_from_tap(void *argument)
{
	static struct frame frame;
	for (;;) {
		ssize_t size = read(tap, frame.bytes + 4, FRAME_MAX);
		if (size <= 0)
			errx(1, "the tap is gone");
		uint32_t length = htonl((uint32_t)size);
		memcpy(frame.bytes, &length, 4);
		frame.size = (size_t)size;
		carry(argument, &frame);
	}
	return NULL;
}

static void *carry_to_tap(void *argument)
{
	static struct frame frame;
	for (;;) {
		uint32_t length;
		read_all(frame.bytes, 4);
		memcpy(&length, frame.bytes, 4);
		frame.size = ntohl(length);
		if (frame.size > FRAME_MAX)
			errx(1, "a frame of %zu bytes", frame.size);
		read_all(frame.bytes + 4, frame.size);
		carry(argument, &frame);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct carrier out = {.to_tap = false}, in = {.to_tap = true};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	pthread_t threads[2];
	int status;

	if (argc < 7)
		errx(2, "usage: tap_guest SOCKET SEED LOSS DUPLICATION REORDERING COMMAND [ARG...]");
	out.state = strtoull(argv[2], NULL, 10);
	in.state = out.state + 1;
	loss = (unsigned)atoi(argv[3]);
	duplication = (unsigned)atoi(argv[4]);
	reordering = (unsigned)atoi(argv[5]);
	link_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strncpy(address.sun_path, argv[1], sizeof(address.sun_path) - 1);
	if (connect(link_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "connecting to %s", argv[1]);
	if (unshare(CLONE_NEWNET) < 0)
		err(1, "making a network namespace");
	tap = make_tap("eth0");
	signal(SIGPIPE, SIG_IGN);
	pthread_create(&threads[0], NULL, carry_from_tap, &out);
	pthread_create(&threads[1], NULL, carry_to_tap, &in);
	pid_t child = start(argv + 6);
	if (waitpid(child, &status, 0) < 0)
		err(1, "waiting for the command");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
