/*
 * Tools inside the agent's executable, which the host runs as commands in the guest. They need no program of the image.
 * The host's command line is `/proc/self/exe NAME ARGUMENT...`: a fork of the agent executes it, so the link leads to
 * the agent, although the agent's path is outside the guest's root. Unlike /proc/1/exe, any user may follow it.
 */
#ifndef SMOLVM_TOOL_H
#define SMOLVM_TOOL_H

/*
 * Returns the exit code, TOOL_USAGE for an unknown tool or invalid arguments. Besides the tools with their own headers
 * there is `idle`, which does nothing until SIGTERM or SIGINT and then returns 0.
 */
int tool_main(int argc, char **argv);

#endif
