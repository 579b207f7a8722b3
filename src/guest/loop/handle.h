#ifndef SMOLVM_HANDLE_H
#define SMOLVM_HANDLE_H

#include "loop/agent_state.h"

/* Handles a frame from the host: 0, -EPROTO when it violates the protocol, or -ENOMEM. */
int handle_frame(struct agent *agent, const struct frame *frame);

#endif
