#ifndef SMOLVM_PROCESS_SESSION_H
#define SMOLVM_PROCESS_SESSION_H

#include <sys/types.h>

/* Kills every process of the session that `leader`, a process not yet reaped, has begun; itself included. */
void process_session_kill(pid_t leader);
/* Keeps the /proc that has the agent's own process ids, whatever is mounted there later: 0 or -errno. */
int process_session_keep_proc(void);

#endif
