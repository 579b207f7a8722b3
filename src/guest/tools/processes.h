/* The tool that provides the host with the statistics of a running guest. */
#ifndef SMOLVM_PROCESSES_H
#define SMOLVM_PROCESSES_H

/*
 * `processes`: prints the guest's total and available memory, both in KiB, and then a line for each process except
 * kernel threads and itself:
 *
 *     PID UID STATE CPU_MS AGE_MS RESIDENT_KIB COMMAND
 *
 * The command may contain spaces, but no control characters. A process without a command line, such as a zombie, has
 * its name in brackets instead. Returns 1 when /proc cannot be read.
 */
int processes_tool(int argc, char **argv);

#endif
