/* The agent's state, shared by the handling of the host's frames and the loop that sends the guest's. */
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
/* How long an ordered end waits without any progress for readers of output, and for processes that do not die. */
#define DRAIN_MS 2000

enum phase {
	PHASE_HELLO,  /* MSG_HELLO is due, MSG_SETUP awaited */
	PHASE_SETUP,  /* MSG_SETUP awaited */
	PHASE_READY,  /* MSG_READY is due */
	PHASE_SERVE,
	PHASE_DRAIN,  /* everything is killed; execs deliver what they have */
	PHASE_BYE,    /* MSG_BYE is due */
	PHASE_FAILED, /* MSG_FAILED of the setup is due */
	PHASE_LAST,   /* the last frame waits for its acknowledgement */
};

struct agent {
	struct connection connection;
	enum phase phase;
	int64_t deadline_ms; /* of the phases from PHASE_DRAIN on */
	int signals;         /* signalfd: SIGCHLD */
	TAILQ_HEAD(, exec) execs; /* the first one's turn to send is next */
	unsigned exec_count;
	struct setup_rlimit rlimits[RLIM_NLIMITS];
	uint32_t rlimit_count;
	int setup_error;
	struct step setup_step; /* the one that failed */
	struct poll_set polled;
	uint8_t read_buffer[READ_BYTES];
};

int64_t agent_now_ms(void);
/* With a deadline from now, for the phases that have one. */
void agent_enter(struct agent *agent, enum phase phase, int64_t limit_ms);

#endif
