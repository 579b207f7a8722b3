#ifndef SMOLVM_CLOSE_FD_H
#define SMOLVM_CLOSE_FD_H

#include <unistd.h>

/* Closes the descriptor if it is open, and sets it to -1. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#endif
