/* PID 1 in front of a command, as tini is: passes signals on to it, reaps what it leaves, and ends as it ends. */
#ifndef SMOLVM_INIT_TOOL_H
#define SMOLVM_INIT_TOOL_H

/*
 * `init COMMAND [ARG...]`: the command's exit code, or 128 and the number of the signal that ended it; 127 and 126 for a
 * program that is not there or cannot be executed, with a sentence on stderr.
 */
int init_tool(int argc, char **argv);

#endif
