/*
 * What the agent's executable is besides: tools that the host runs in the guest as commands, whatever the image has.
 * The host's command line for one is `/proc/1/exe NAME ARGUMENT...`: the agent is PID 1, and that link leads to it
 * although its path is outside of the guest's root.
 */
#ifndef SMOLVM_TOOL_H
#define SMOLVM_TOOL_H

/* Returns the exit code; 2 for a tool that is not there or arguments that it does not take. */
int tool_main(int argc, char **argv);

#endif
