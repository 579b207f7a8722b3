#ifndef SMOLVM_HANDLE_H
#define SMOLVM_HANDLE_H

#include "loop/agent_state.h"

/* Does what a frame of the host asks for: 0, -EPROTO when it breaks the protocol, -ENOMEM. */
int handle_frame(struct agent *agent, const struct frame *frame);

#endif
