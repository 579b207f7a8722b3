#include "setup/clock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

#define NS_PER_S 1000000000
/* The host reports that its clock jumped: ignore only the delay of the message. */
#define KNOWN_JUMP_NS (NS_PER_S / 4)
/* Longer than the delay of any message. */
#define UNKNOWN_JUMP_NS (10ll * NS_PER_S)

bool clock_must_be_set(int64_t behind_ns, bool jumped)
{
	int64_t limit = jumped ? KNOWN_JUMP_NS : UNKNOWN_JUMP_NS;

	return behind_ns >= limit || behind_ns <= -limit;
}

int clock_set(uint64_t clock_ns)
{
	const struct timespec clock = {
		.tv_sec = (time_t)(clock_ns / NS_PER_S),
		.tv_nsec = (long)(clock_ns % NS_PER_S),
	};

	return clock_settime(CLOCK_REALTIME, &clock) < 0 ? -errno : 0;
}

int clock_follow(uint64_t clock_ns, bool jumped)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -errno;

	int64_t behind_ns = (int64_t)(clock_ns - ((uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec));
	bool set = clock_must_be_set(behind_ns, jumped);
	struct timeval slew = {
		.tv_sec = set ? 0 : behind_ns / NS_PER_S,
		.tv_usec = set ? 0 : behind_ns % NS_PER_S / 1000,
	};

	/* Replaces the rest of an earlier adjustment. */
	if (adjtime(&slew, NULL) < 0)
		return -errno;
	return set ? clock_set(clock_ns) : 0;
}
