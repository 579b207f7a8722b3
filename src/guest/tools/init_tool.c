#include "tools/init_tool.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/program.h"
#include "tools/usage.h"

/* Runs the command in its own process group, in the foreground of a terminal: only it gets signals from keys. */
static _Noreturn void run(char **argv, const sigset_t *mask)
{
	char what[PIPE_BUF];

	setpgid(0, 0);
	/* Signals are still blocked: otherwise SIGTTOU would stop this background process. */
	tcsetpgrp(STDIN_FILENO, getpgrp());
	sigprocmask(SIG_SETMASK, mask, NULL);

	int err = program_exec(argv, environ, what, sizeof(what));

	fprintf(stderr, "smolvm: Cannot run \"%s\" in the guest: %s\n", what, strerror(-err));
	_exit(err == -ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_NOT_EXECUTABLE);
}

/* Reaps all ended children. Returns whether the command is among them, with its exit code in *code. */
static bool reap(pid_t command, int *code)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		ended = true;
		*code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	return ended;
}

int init_tool(int argc, char **argv)
{
	sigset_t all, before;
	int received, code = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s COMMAND [ARG...]\n", argv[0]);
		return TOOL_USAGE;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);

	pid_t command = fork();

	if (command == 0)
		run(argv + 1, &before);
	if (command < 0) {
		fprintf(stderr, "smolvm: Cannot start the command in the guest: %s\n", strerror(errno));
		return PROGRAM_NOT_EXECUTABLE;
	}
	/* Only the command may hold these: when it closes them, the readers and writers on the host must notice. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd);
	for (;;) {
		if (sigwait(&all, &received))
			continue;
		if (received != SIGCHLD)
			kill(command, received);
		else if (reap(command, &code))
			return code;
	}
}
