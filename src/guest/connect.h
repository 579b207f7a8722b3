/* The tool behind the host's published ports. */
#ifndef SMOLVM_CONNECT_H
#define SMOLVM_CONNECT_H

/*
 * `connect PORT`: joins standard input and output to whoever in the guest listens on that TCP port. The end of either
 * direction is passed on by itself. Returns 0 when both have ended, 1 when nobody listens or the connection broke.
 */
int connect_tool(int argc, char **argv);

#endif
