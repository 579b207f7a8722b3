#include "setup/inode_cache.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* More lookups than a guest can do. It determines the time until the next check. */
#define LOOKUPS_PER_MS 200
#define SHORTEST_MS 10
#define LONGEST_MS 2000

static int count_file = -1, drop_file = -1;
static long allowance; /* how many more inodes the kernel may cache before the next drop */
static long lasting;   /* how many inodes remained after the last drop; -1: not counted yet */
static pid_t dropper;

void inode_cache_limit(const char *settings, uint32_t share_files)
{
	char path[PATH_MAX];

	/* Only a quarter: the guest goes on with lookups during a drop, and inodes in use cannot be dropped. */
	allowance = share_files / 4;
	snprintf(path, sizeof(path), "%s/fs/inode-nr", settings);
	count_file = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/vm/drop_caches", settings);
	drop_file = open(path, O_WRONLY | O_CLOEXEC);
}

/* Counts all inodes: the kernel has no count for shares alone. */
static long count_inodes(void)
{
	char text[64];
	ssize_t length = pread(count_file, text, sizeof(text) - 1, 0);

	if (length <= 0)
		return 0;
	text[length] = '\0';
	return strtol(text, NULL, 10);
}

static bool is_dropping(void)
{
	siginfo_t info = { .si_pid = 0 };

	/* waitid() fails once the agent's main loop has reaped it. */
	if (dropper > 0 && waitid(P_PID, (id_t)dropper, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
		return true;
	dropper = 0;
	return false;
}

/*
 * Drops the caches in a child process, because it can take long. The child has real-time priority: otherwise other
 * processes could look up files faster than it drops them. "3" also drops cached pages, which would keep their inodes.
 */
static void drop(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	dropper = fork();
	if (dropper != 0)
		return;
	sched_setscheduler(0, SCHED_FIFO, &first);
	_exit(pwrite(drop_file, "3", 1, 0) == 1 ? 0 : 1);
}

int inode_cache_check(void)
{
	if (allowance == 0 || count_file < 0 || drop_file < 0)
		return -1;
	if (is_dropping())
		return SHORTEST_MS;

	bool has_dropped = lasting < 0;
	long count = count_inodes();

	if (has_dropped || count < lasting)
		lasting = count;

	long left = lasting + allowance - count;

	if (left <= 0) {
		drop();
		lasting = -1; /* counted again after the drop */
		return SHORTEST_MS;
	}

	long pause_ms = left / LOOKUPS_PER_MS;

	return (int)(pause_ms < SHORTEST_MS ? SHORTEST_MS : pause_ms > LONGEST_MS ? LONGEST_MS : pause_ms);
}
