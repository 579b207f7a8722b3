/* The tool that starts the process of an OCI container as config.json describes it. */
#ifndef SMOLVM_CONTAINER_TOOL_H
#define SMOLVM_CONTAINER_TOOL_H

/*
 * `container IDS UMASK CAPABILITIES FLAGS RLIMITS SYSCTLS SECCOMP PROGRAM [ARG...]`, as root in the working directory,
 * executes the program:
 *
 *   IDS            UID,GID and supplementary groups: 1000,1000,10,20
 *   UMASK          in octal
 *   CAPABILITIES   bounding,effective,inheritable,permitted,ambient as hexadecimal sets
 *   FLAGS          n: no new privileges; h: set HOME to the user's; -: neither
 *   RLIMITS        RESOURCE:SOFT:HARD,... or -
 *   SYSCTLS        lines PATH=VALUE, the path below /proc/sys, or -
 *   SECCOMP        FLAGS:INSTRUCTIONS, as seccomp_parse() reads them, or -
 *
 * When the program cannot be executed it returns docker's exit codes: 127 if the program does not exist, else 126.
 */
int container_tool(int argc, char **argv);

#endif
