#include "process_session.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void process_session_kill(pid_t leader)
{
	/* The leader first, so that it starts no more; it may also not have come to its setsid() yet. */
	kill(leader, SIGKILL);

	/* Job control gives each job a group of its own: only /proc knows them all. */
	DIR *processes = opendir("/proc");

	if (!processes)
		return;
	for (struct dirent *entry; (entry = readdir(processes));) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != leader && getsid(pid) == leader)
			kill(pid, SIGKILL);
	}
	closedir(processes);
}
