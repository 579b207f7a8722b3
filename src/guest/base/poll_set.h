/* What one poll() waits for. */
#ifndef SMOLVM_POLL_SET_H
#define SMOLVM_POLL_SET_H

#include <poll.h>
#include <stddef.h>

struct poll_set {
	struct pollfd *fds;
	size_t count;
	size_t capacity;
};

/* Where its events will be, or -ENOMEM. */
int poll_set_add(struct poll_set *set, int fd, short events);
/* The events of an index of poll_set_add(); 0 for a negative one. */
short poll_set_events(const struct poll_set *set, int index);

#endif
