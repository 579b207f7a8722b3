#include "exec/process_session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int proc = -1;

int process_session_keep_proc(void)
{
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return proc < 0 ? -errno : 0;
}

static DIR *open_proc(void)
{
	int fd = proc < 0 ? open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC) :
			    openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? NULL : fdopendir(fd);
}

void process_session_kill(pid_t leader)
{
	/* Kill the leader first, so that it starts no more processes. It may not have called setsid() yet. */
	kill(leader, SIGKILL);

	/* With job control each job has its own process group: only /proc lists all processes of the session. */
	DIR *processes = open_proc();

	if (!processes)
		return;
	for (struct dirent *entry; (entry = readdir(processes));) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != leader && getsid(pid) == leader)
			kill(pid, SIGKILL);
	}
	closedir(processes);
}
