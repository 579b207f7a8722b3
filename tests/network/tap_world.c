/*
 * tap_world: a network beside this host, for guests to reach that may reach nothing of the host itself. Makes a tap here
 * and one in a network namespace of its own, carries frames between the two, and runs a command in that namespace.
 *
 *   tap_world NAME COMMAND [ARG...]
 *
 * NAME is that of the tap here; the other one is eth0.
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

	/* An interface that is down takes none: lost, as on any network. */
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
