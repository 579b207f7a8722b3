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

/* In a process group of its own, in the foreground where there is a terminal: keys of the terminal are its alone. */
static _Noreturn void run(char **argv, const sigset_t *mask)
{
	char what[PIPE_BUF];

	setpgid(0, 0);
	/* Blocked signals do not stop it for asking in the background. */
	tcsetpgrp(STDIN_FILENO, getpgrp());
	sigprocmask(SIG_SETMASK, mask, NULL);

	int err = program_exec(argv, environ, what, sizeof(what));

	fprintf(stderr, "smolvm: Cannot run \"%s\" in the guest: %s\n", what, strerror(-err));
	_exit(err == -ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_NOT_EXECUTABLE);
}

/* Whether the command has ended, with its code in *code. All others are reaped as well. */
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
	/* The command's alone: when it closes them, their other ends must see that. */
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
