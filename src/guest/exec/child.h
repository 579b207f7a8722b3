/* The part of an exec that runs in the forked child, up to execve. */
#ifndef SMOLVM_CHILD_H
#define SMOLVM_CHILD_H

#include <limits.h>
#include <stdint.h>

#include "wire/messages.h"

/* The child's error report. On success execve closes the pipe without a report. */
struct child_report {
	int32_t error; /* errno */
	uint32_t stage;
	char text[PIPE_BUF - 8]; /* the whole report is one atomic write */
};

struct child {
	const struct exec_message *message;
	const struct setup_rlimit *rlimits;
	uint32_t rlimit_count;
	int stdio[3]; /* with EXEC_TTY all three are the terminal */
	int report;   /* write end of the pipe for the child_report */
};

_Noreturn void child_run(const struct child *child);

#endif
