#include "fake_machine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

int machine_setup(const struct setup_message *setup, struct step *step)
{
	step_begin(step, FAKE_MACHINE_STEP);
	return strcmp(setup->hostname, FAKE_MACHINE_BROKEN) ? 0 : -EROFS;
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

void machine_settle(void)
{
}
