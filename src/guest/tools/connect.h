/* The tool that connects the host's published ports to servers in the guest. */
#ifndef SMOLVM_CONNECT_H
#define SMOLVM_CONNECT_H

/*
 * `connect PORT`: connects standard input and output to the server in the guest that listens on that TCP port. Each
 * direction is closed separately. Returns 0 when both have ended, 1 when no server listens or the connection broke.
 */
int connect_tool(int argc, char **argv);

/*
 * Connects standard input and output to a connection until both directions have ended, and closes them. Returns 0 or
 * -errno.
 */
int join_streams(int peer);

#endif
