/* The guest's side of the conversation in protocol.h, over one connected socket. */
#ifndef SMOLVM_AGENT_H
#define SMOLVM_AGENT_H

/*
 * Serves the host until an ordered end: 0 after MSG_BYE, else -errno: of the setup, of the lost connection
 * (-ECONNRESET), or -EPROTO for a host that broke the protocol.
 */
int agent_run(int fd);

#endif
