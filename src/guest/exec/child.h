/* The half of an exec that runs in the forked child, up to execve. */
#ifndef SMOLVM_CHILD_H
#define SMOLVM_CHILD_H

#include <limits.h>
#include <stdint.h>

#include "wire/messages.h"

/* How the child says what went wrong; execve closes the pipe with nothing said. */
struct child_report {
	int32_t error; /* errno */
	uint32_t stage;
	char text[PIPE_BUF - 8]; /* the whole report is one atomic write */
};

struct child {
	const struct exec_message *message;
	const struct setup_rlimit *rlimits;
	uint32_t rlimit_count;
	int stdio[3]; /* with EXEC_TTY the terminal, three times */
	int report;
};

_Noreturn void child_run(const struct child *child);

#endif
