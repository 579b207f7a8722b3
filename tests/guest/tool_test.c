#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"
#include "tools/tool.h"

static void idle_ends(void)
{
	static const int signals[] = { SIGTERM, SIGINT };
	const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };
	sigset_t early;

	/* Block the signals, so that none arrives before the tool waits for it. */
	sigemptyset(&early);
	sigaddset(&early, SIGTERM);
	sigaddset(&early, SIGINT);
	sigprocmask(SIG_BLOCK, &early, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(tool_main(2, (char *[]){ "agent", "idle", NULL }));
		nanosleep(&moment, NULL);
		CHECK_INT(waitpid(pid, &status, WNOHANG), 0);
		CHECK(kill(pid, signals[i]) == 0 && waitpid(pid, &status, 0) == pid);
		CHECK_INT(status, 0);
	}
}

static bool has_children(pid_t pid)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);

	FILE *file = fopen(path, "r");

	CHECK(file);

	bool has = fgets(text, sizeof(text), file) != NULL;

	fclose(file);
	return has;
}

static void idle_reaps(void)
{
	int status;

	CHECK_INT(unshare(CLONE_NEWPID), 0);

	pid_t pid = fork();

	if (pid == 0)
		_exit(tool_main(2, (char *[]){ "agent", "idle", NULL }));
	/* In its namespace too. The shells exit at once, and PID 1 becomes the parent of the sleep. */
	CHECK_INT(system("(sleep 0.5 &)"), 0);
	CHECK(has_children(pid));
	for (int i = 0; has_children(pid); i++) {
		CHECK(i < 1000);
		usleep(10000);
	}
	CHECK(kill(pid, SIGTERM) == 0 && waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
}

/* Checks the exit code of `init` with a command, as PID 1 of a namespace and as an ordinary process. */
static void check_init(const char *script, int code)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWPID) < 0)
			_exit(99);
		pid = fork();
		if (pid == 0)
			_exit(tool_main(5, (char *[]){ "agent", "init", "sh", "-c", (char *)script, NULL }));
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), code);
}

static void init_ends_as_the_command(void)
{
	check_init("[ $$ != 1 ] && exit 3", 3);
	check_init("kill -TERM $$", 128 + SIGTERM);
	/* PID 1 forwards the signal, although it has no handler for it. */
	check_init("trap 'exit 5' USR1; kill -USR1 1; while :; do sleep 0.01; done", 5);
	check_init("(sleep 0.1 & exec true); sleep 0.3; kill -0 $$ && exit 6", 6);
	check_init("exec /none", 127);
}

static void init_says_what_it_cannot_run(void)
{
	int ends[2], status;
	char said[200] = "";

	CHECK(pipe(ends) == 0);

	pid_t pid = fork();

	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		_exit(tool_main(3, (char *[]){ "agent", "init", "/none", NULL }));
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(WEXITSTATUS(status), 127);
	CHECK(read(ends[0], said, sizeof(said) - 1) > 0);
	CHECK_TEXT(said, "smolvm: Cannot run \"/none\" in the guest: No such file or directory\n");
	close(ends[0]);
	close(ends[1]);
}

static void usage(void)
{
	CHECK_INT(tool_main(1, (char *[]){ "agent", NULL }), 2);
	CHECK_INT(tool_main(2, (char *[]){ "agent", "none", NULL }), 2);
	CHECK_INT(tool_main(3, (char *[]){ "agent", "idle", "x", NULL }), 2);
	CHECK_INT(tool_main(2, (char *[]){ "agent", "init", NULL }), 2);
}

int main(void)
{
	static const struct test tests[] = {
		{ "idle waits for SIGTERM or SIGINT, and then exits with 0", idle_ends },
		{ "idle reaps orphans", idle_reaps },
		{ "init exits like its command, and forwards signals to it", init_ends_as_the_command },
		{ "init reports a program that it cannot run", init_says_what_it_cannot_run },
		{ "tool_main() refuses unknown tools and invalid arguments", usage },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
