/* The tool behind the host's published ports. */
#ifndef SMOLVM_CONNECT_H
#define SMOLVM_CONNECT_H

/*
 * `connect PORT`: connects standard input and output to the server in the guest that listens on that TCP port. The end
 * of either direction is passed on by itself. Returns 0 when both have ended, 1 when nobody listens or the connection broke.
 */
int connect_tool(int argc, char **argv);

/*
 * Connects standard input and output to a connection until both directions have ended, and closes them. Returns 0 or
 * -errno.
 */
int join_streams(int peer);

#endif
