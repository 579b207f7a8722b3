/* The guest side of the protocol in protocol.h, over one connected socket. */
#ifndef SMOLVM_AGENT_H
#define SMOLVM_AGENT_H

/*
 * Serves the host until the guest shuts down. Returns 0 after MSG_BYE, else -errno: the error of the setup, -ECONNRESET
 * when the connection is lost, or -EPROTO when the host violates the protocol.
 */
int agent_run(int fd);

#endif
