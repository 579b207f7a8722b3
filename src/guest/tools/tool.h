/*
 * What the agent's executable is besides: tools that the host runs in the guest as commands, whatever the image has.
 * The host's command line for one is `/proc/self/exe NAME ARGUMENT...`: what executes it is a fork of the agent, and
 * that link leads to the agent although its path is outside of the guest's root. Any user may follow it, unlike PID
 * 1's.
 */
#ifndef SMOLVM_TOOL_H
#define SMOLVM_TOOL_H

/*
 * Returns the exit code; TOOL_USAGE for a tool that is not there or arguments that it does not take. Beside those
 * with a header of their own there is `idle`: it does nothing until SIGTERM or SIGINT ends it, with 0.
 */
int tool_main(int argc, char **argv);

#endif
