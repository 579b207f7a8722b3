/* Starts the process of an exec with its pipes or its pseudo-terminal. */
#ifndef SMOLVM_SPAWN_H
#define SMOLVM_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "wire/messages.h"

/* The agent's ends, all close-on-exec and, except `terminal`, non-blocking; -1 where there is none. */
struct spawned {
	pid_t pid;
	int report;
	int terminal; /* the slave side */
	int input, stdout, stderr;
};

/* 0, or -errno with all descriptors closed; `what` then names what failed. */
int spawn(struct spawned *spawned, const struct exec_message *message, const struct setup_rlimit *rlimits,
	  uint32_t rlimit_count, const char **what);

#endif
