#ifndef SMOLVM_PROCESS_SESSION_H
#define SMOLVM_PROCESS_SESSION_H

#include <sys/types.h>

/* Kills every process of the session of `leader`, and `leader` itself. `leader` must not be reaped yet. */
void process_session_kill(pid_t leader);
/* Keeps the /proc of the agent's PID namespace open, since another one is mounted over it later: 0 or -errno. */
int process_session_keep_proc(void);

#endif
