#include "base/poll_set.h"

#include <errno.h>
#include <stdlib.h>

int poll_set_add(struct poll_set *set, int fd, short events)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity > 0 ? set->capacity * 2 : 16;
		struct pollfd *fds = reallocarray(set->fds, capacity, sizeof(*fds));

		if (!fds)
			return -ENOMEM;
		set->fds = fds;
		set->capacity = capacity;
	}
	set->fds[set->count] = (struct pollfd){ .fd = fd, .events = events };
	return (int)set->count++;
}

short poll_set_events(const struct poll_set *set, int index)
{
	return index < 0 ? 0 : set->fds[index].revents;
}
