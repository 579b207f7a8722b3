/* The agent's state, shared by the frame handler (handle.c) and the main loop (agent.c). */
#ifndef SMOLVM_AGENT_STATE_H
#define SMOLVM_AGENT_STATE_H

#include <stdint.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "wire/connection.h"
#include "exec/exec.h"
#include "base/poll_set.h"
#include "base/step.h"

#define READ_BYTES (64 * 1024)
/* How long a shutdown waits, without progress, for readers of output and for killed processes to be reaped. */
#define DRAIN_MS 2000

enum phase {
	PHASE_HELLO,  /* MSG_HELLO must be sent */
	PHASE_SETUP,  /* waiting for MSG_SETUP */
	PHASE_READY,  /* MSG_READY must be sent */
	PHASE_SERVE,
	PHASE_DRAIN,  /* all processes are killed; execs send their remaining output */
	PHASE_BYE,    /* MSG_BYE must be sent */
	PHASE_FAILED, /* MSG_FAILED of the setup must be sent */
	PHASE_LAST,   /* waiting for the acknowledgement of the last frame */
};

struct agent {
	struct connection connection;
	enum phase phase;
	int64_t deadline_ms; /* from PHASE_DRAIN on */
	int signals;         /* signalfd: SIGCHLD */
	TAILQ_HEAD(, exec) execs; /* in the order of their turns to send */
	unsigned exec_count;
	struct setup_rlimit rlimits[RLIM_NLIMITS];
	uint32_t rlimit_count;
	int setup_error;
	struct step setup_step; /* the step that failed */
	struct poll_set polled;
	uint8_t read_buffer[READ_BYTES];
};

int64_t agent_now_ms(void);
/* Enters a phase that has a deadline, `limit_ms` from now. */
void agent_enter(struct agent *agent, enum phase phase, int64_t limit_ms);

#endif
