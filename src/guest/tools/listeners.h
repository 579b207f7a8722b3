/* The tool that shares listening ports between the guest and the host. */
#ifndef SMOLVM_LISTENERS_H
#define SMOLVM_LISTENERS_H

/*
 * `listeners HOST`: prints the ports on which servers listen, at the start and after each change. Each list has one
 * port a line and ends with an empty line:
 *
 *     4 PORT   TCP over IPv4
 *     6 PORT   TCP over IPv6
 *     l PORT   TCP, only on the loopback interface
 *     u PORT   UDP, not on the loopback interface, and below the range of ephemeral ports
 *
 * Reads lines of TCP ports on which servers elsewhere listen; each line replaces the previous one. Connections to such
 * a port on the guest's loopback are forwarded to the same port of the address HOST. Returns 0 when its output is
 * closed.
 */
int listeners_tool(int argc, char **argv);

#endif
