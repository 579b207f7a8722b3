/* The descriptors of one poll() call. */
#ifndef SMOLVM_POLL_SET_H
#define SMOLVM_POLL_SET_H

#include <poll.h>
#include <stddef.h>

struct poll_set {
	struct pollfd *fds;
	size_t count;
	size_t capacity;
};

/* Returns the index for poll_set_events(), or -ENOMEM. */
int poll_set_add(struct poll_set *set, int fd, short events);
/* The events at an index from poll_set_add(); 0 for a negative index. */
short poll_set_events(const struct poll_set *set, int index);

#endif
