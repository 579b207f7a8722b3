/*
 * tap_world: a network next to the host, for guests that must not reach the host itself. Creates a tap device in the
 * current network namespace and one in a new namespace, carries frames between them, and runs a command in the new
 * namespace.
 *
 *   tap_world NAME COMMAND [ARG...]
 *
 * NAME is the name of the tap in the current namespace; the other tap is eth0.
 */
#include <err.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "tap.h"

static void carry(int from, int to)
{
	static char frame[65536 + 18];
	ssize_t size = read(from, frame, sizeof(frame));

	/* The write fails if the interface is down: drop the frame, as any network does. */
	if (size > 0 && write(to, frame, (size_t)size) < 0)
		return;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: tap_world NAME COMMAND [ARG...]");
	int here = make_tap(argv[1]);
	if (unshare(CLONE_NEWNET) < 0)
		err(1, "making a network namespace");
	int there = make_tap("eth0");
	start(argv + 2);
	struct pollfd polls[2] = {{.fd = here, .events = POLLIN}, {.fd = there, .events = POLLIN}};
	while (poll(polls, 2, -1) >= 0) {
		if (polls[0].revents)
			carry(here, there);
		if (polls[1].revents)
			carry(there, here);
	}
	return 1;
}
