#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_WORDS 64
/* How long a gateway may take to exit after it has closed its output. */
#define HURRY_MS 1000

static pid_t gateway;
static bool is_told_to_end;
static int lifeline = -1; /* the write end of the gateway's input */

static void run_gateway(const char **words, int input_fd, int events_fd, int messages_fd)
{
	struct rlimit none = {0, 0};
	/* A gateway must not outlive its runner. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	clean_environment();
	setenv("SMOLVM_ROLE", "gateway", 1);
	if (dup2(input_fd, 0) < 0 || dup2(events_fd, 1) < 0 || dup2(messages_fd, 2) < 0)
		_exit(JAIL_FAILED);
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC_FLAG);
	execvp(words[0], (char **)words);
	dprintf(2, "smolvm-jail: %s: %s\n", words[0], strerror(errno));
	_exit(JAIL_FAILED);
}

int start_gateway(int messages_fd)
{
	const char *words[MOST_WORDS + 1];
	int ends[2], events[2];
	size_t count = order_arguments('g', words, MOST_WORDS);
	if (count == 0 || pipe2(ends, O_CLOEXEC))
		return -1;
	if (pipe2(events, O_CLOEXEC)) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	words[count] = NULL;
	if (order_argument('p'))
		start_pings(order_argument('p'), ends[0]);
	gateway = fork();
	if (gateway == 0)
		run_gateway(words, ends[0], events[1], messages_fd);
	close(ends[0]);
	close(events[1]);
	lifeline = ends[1];
	return events[0];
}

void end_gateway(void)
{
	if (lifeline >= 0)
		close(lifeline);
	lifeline = -1;
	is_told_to_end = true;
}

void kill_gateway(void)
{
	if (gateway > 0)
		kill(gateway, SIGKILL);
}

void await_gateway_exit(void)
{
	if (gateway <= 0)
		return;
	struct pollfd end = {.fd = syscall(SYS_pidfd_open, gateway, 0), .events = POLLIN};
	if (end.fd < 0 || poll(&end, 1, HURRY_MS) <= 0)
		kill_gateway();
	if (end.fd >= 0)
		close(end.fd);
}

bool await_gateway(char *reason, size_t size)
{
	int status;
	if (gateway <= 0)
		return false;
	while (waitpid(gateway, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	gateway = 0;
	if (is_told_to_end)
		return false;
	if (WIFSIGNALED(status))
		snprintf(reason, size, "its gateway was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		snprintf(reason, size, "its gateway failed with status %d", WEXITSTATUS(status));
	else
		return false; /* The gateway has reported the reason itself. */
	return true;
}
