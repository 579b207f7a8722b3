#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

static void idle_ends(void)
{
	static const int signals[] = { SIGTERM, SIGINT };
	const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };
	sigset_t early;

	/* Lest one comes before the tool waits for it. */
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

static void usage(void)
{
	CHECK_INT(tool_main(1, (char *[]){ "agent", NULL }), 2);
	CHECK_INT(tool_main(2, (char *[]){ "agent", "none", NULL }), 2);
	CHECK_INT(tool_main(3, (char *[]){ "agent", "idle", "x", NULL }), 2);
}

int main(void)
{
	static const struct test tests[] = {
		{ "idle waits for SIGTERM or SIGINT, and then ends well", idle_ends },
		{ "a tool that is not there, and arguments that one does not take, are refused", usage },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
