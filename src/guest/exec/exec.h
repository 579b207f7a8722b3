/* One command of the host's: its process, its streams, and the frames that tell of them. */
#ifndef SMOLVM_EXEC_H
#define SMOLVM_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "exec/input.h"
#include "wire/messages.h"
#include "exec/output.h"
#include "base/poll_set.h"

enum exec_state {
	EXEC_STARTING, /* forked; its report is awaited */
	EXEC_STARTED,  /* MSG_STARTED is due */
	EXEC_RUNNING,  /* or ended, with output left */
	EXEC_FAILED,   /* MSG_FAILED is due */
	EXEC_DONE,     /* its last frame is built */
};

struct exec {
	TAILQ_ENTRY(exec) link;
	uint32_t stream;
	enum exec_state state;
	pid_t pid;
	bool ended; /* the process was reaped: its pid may be another's by now */
	int wait_status;
	uint64_t memory_kills; /* of all processes, before it began */
	bool out_of_memory;    /* there were more when it ended */
	int report;   /* -1: read */
	int terminal; /* the slave's end: held open so that reading never ends early; -1: none */
	struct input input;
	struct output stdout, stderr;
	bool stderr_first; /* the two take turns */
	struct {
		uint32_t error; /* errno */
		uint32_t stage;
		char *text; /* NULL when memory ran out */
	} failure;
	struct {
		int report, input, stdout, stderr;
	} polled; /* indices of the poll set */
};

/* NULL only without memory. An exec that cannot start is in EXEC_FAILED. */
struct exec *exec_start(uint32_t stream, const struct exec_message *message, const struct setup_rlimit *rlimits,
			uint32_t rlimit_count);
/* An exec that only says why it never started. */
struct exec *exec_refuse(uint32_t stream, int err, const char *text);
void exec_free(struct exec *exec);

/* Around a poll(): what to wait for, 0 or -ENOMEM, and what to do about it. */
int exec_poll(struct exec *exec, struct poll_set *set);
void exec_polled(struct exec *exec, const struct poll_set *set);

/* Its main process was reaped. How it started may still be unread. */
void exec_ended(struct exec *exec, int wait_status);
void exec_resize(struct exec *exec, uint16_t rows, uint16_t columns);
/* SIGKILL goes to the command's whole session, any other signal to the command. */
void exec_signal(struct exec *exec, int signal_number);

/* Builds the next frame if there is one; after the last one the state is EXEC_DONE. */
bool exec_next_frame(struct exec *exec, struct frame_out *out);

#endif
