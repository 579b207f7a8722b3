/* A minimal init like tini: runs a command, forwards signals to it, reaps orphans, and exits with its exit code. */
#ifndef SMOLVM_INIT_TOOL_H
#define SMOLVM_INIT_TOOL_H

/*
 * `init COMMAND [ARG...]`: returns the command's exit code, or 128 plus the number of the signal that killed it. For a
 * program that does not exist or cannot be executed: 127 or 126, with a message on stderr.
 */
int init_tool(int argc, char **argv);

#endif
