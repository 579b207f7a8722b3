#include "fake_machine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setup/machine.h"

int machine_prepare(struct step *step)
{
	step_begin(step, FAKE_MACHINE_PREPARE_STEP);
	return getenv(FAKE_MACHINE_UNPREPARED) ? -EIO : 0;
}

int machine_setup(const struct setup_message *setup, struct step *step)
{
	step_begin(step, FAKE_MACHINE_STEP);
	return strcmp(setup->hostname, FAKE_MACHINE_BROKEN) ? 0 : -EROFS;
}

int machine_mount_proc(void)
{
	/* All tests share one /proc. */
	return 0;
}

int machine_bind_console(int fd)
{
	(void)fd;
	return 0;
}

void machine_follow_clock(uint64_t clock_ns, bool jumped)
{
	(void)clock_ns;
	(void)jumped;
}

void machine_report_exit(int wait_status)
{
	(void)wait_status;
}

void machine_kill_all(void)
{
	/* The test's agent is a subreaper: orphans are its children too. */
	FILE *children = fopen("/proc/thread-self/children", "re");
	int pid;

	while (children && fscanf(children, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (children)
		fclose(children);
}

void machine_sync(void)
{
}
