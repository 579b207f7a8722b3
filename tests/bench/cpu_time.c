/*
 * Runs a program and writes, as the last line of its standard error, the CPU time in ms of the program and of every
 * process that it left behind:
 *
 *     cpu_time PROGRAM [ARG...]
 *
 * On a busy host, CPU time is more reliable than elapsed time. Exits when all of these processes have exited, with the
 * exit code of the program.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double ms(struct timeval time)
{
	return time.tv_sec * 1e3 + time.tv_usec / 1e3;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status, first = 0;
	pid_t pid, child;

	if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return 2;
	child = fork();
	if (child == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	while ((pid = wait(&status)) > 0 || errno == EINTR)
		if (pid == child)
			first = status;
	getrusage(RUSAGE_CHILDREN, &usage);
	fprintf(stderr, "%.1f\n", ms(usage.ru_utime) + ms(usage.ru_stime));
	return WIFEXITED(first) ? WEXITSTATUS(first) : 1;
}
