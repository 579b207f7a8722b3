/* A command that the host runs in the guest: its process, its streams, and the frames that report on them. */
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
	EXEC_STARTING, /* forked; waiting for the child's report */
	EXEC_STARTED,  /* MSG_STARTED must be sent */
	EXEC_RUNNING,  /* or ended, with output left to send */
	EXEC_FAILED,   /* MSG_FAILED must be sent */
	EXEC_DONE,     /* the last frame is built */
};

struct exec {
	TAILQ_ENTRY(exec) link;
	uint32_t stream;
	enum exec_state state;
	pid_t pid;
	bool ended; /* the process was reaped: the kernel may have reused its pid */
	int wait_status;
	uint64_t memory_kills; /* memory_kills() before the start */
	bool out_of_memory;    /* memory_kills() had increased when the process ended */
	int report;   /* -1: already read */
	int terminal; /* the slave side: kept open so that reads of the master do not end early; -1: none */
	struct input input;
	struct output stdout, stderr;
	bool stderr_first; /* stdout and stderr take turns */
	struct {
		uint32_t error; /* errno */
		uint32_t stage;
		char *text; /* NULL when memory ran out */
	} failure;
	struct {
		int report, input, stdout, stderr;
	} polled; /* indices in the poll set */
};

/* NULL only when memory runs out. An exec that cannot start is in the state EXEC_FAILED. */
struct exec *exec_start(uint32_t stream, const struct exec_message *message, const struct setup_rlimit *rlimits,
			uint32_t rlimit_count);
/* An exec that is not started and only reports this error. */
struct exec *exec_refuse(uint32_t stream, int err, const char *text);
void exec_free(struct exec *exec);

/* Before a poll(): adds the descriptors to the set, 0 or -ENOMEM. After it: handles the events. */
int exec_poll(struct exec *exec, struct poll_set *set);
void exec_polled(struct exec *exec, const struct poll_set *set);

/* Records that the process was reaped. Its start report may still be unread. */
void exec_ended(struct exec *exec, int wait_status);
void exec_resize(struct exec *exec, uint16_t rows, uint16_t columns);
/* SIGKILL is sent to the command's whole session, any other signal only to the command. */
void exec_signal(struct exec *exec, int signal_number);

/* Builds the next frame if there is one. After the last frame the state is EXEC_DONE. */
bool exec_next_frame(struct exec *exec, struct frame_out *out);

#endif
