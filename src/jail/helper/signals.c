#include "jail.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void hold_signals(const char *numbers, char **command)
{
	sigset_t held;
	sigemptyset(&held);
	for (char *end; *numbers; numbers = *end == ',' ? end + 1 : end) {
		long number = strtol(numbers, &end, 10);
		if (end == numbers || sigaddset(&held, number))
			fail(numbers, EINVAL);
	}
	if (sigprocmask(SIG_BLOCK, &held, NULL))
		fail("blocking signals", errno);
	execv(command[0], command);
	fail(command[0], errno);
}
