/* The tool by which the host and a guest have servers in common. */
#ifndef SMOLVM_LISTENERS_H
#define SMOLVM_LISTENERS_H

/*
 * `listeners HOST`: writes the ports that servers listen on, at first and after each change: "4 PORT" or "6 PORT" a
 * line for one of IPv4 or of IPv6, "l PORT" for one that listens at the loopback alone; "u PORT" for a server of UDP that
 * does not, below the ports that clients are given; and an empty line at the end.
 * Reads lines of TCP ports that servers elsewhere listen on, each of which replaces the one before. Clients of such a port
 * at the guest's loopback are connected to the same port of the address HOST. Returns 0 when its output is closed.
 */
int listeners_tool(int argc, char **argv);

#endif
