/* The tool behind the host's figures of a running guest. */
#ifndef SMOLVM_PROCESSES_H
#define SMOLVM_PROCESSES_H

/*
 * `processes`: prints the guest's memory and what it can still give, both in KiB, and then a line for each process but
 * the kernel's own and itself:
 *
 *     PID UID STATE CPU_MS AGE_MS RESIDENT_KIB COMMAND
 *
 * The command may hold spaces, but no control characters; one that has none, such as a zombie's, is its name in
 * brackets. Returns 1 when there is no /proc to be read.
 */
int processes_tool(int argc, char **argv);

#endif
