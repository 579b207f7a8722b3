#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/container_tool.h"
#include "test.h"

static char output[4096];

/* Runs the tool with its output, and returns its exit status. */
static int run(int argc, char **argv)
{
	int ends[2], status;
	ssize_t count;
	size_t length = 0;

	CHECK(pipe(ends) == 0);

	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		_exit(container_tool(argc, argv));
	}
	close(ends[1]);
	while ((count = read(ends[0], output + length, sizeof(output) - 1 - length)) > 0)
		length += (size_t)count;
	output[length] = '\0';
	close(ends[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define RUN(...) \
	run(sizeof((char *[]){ "container", __VA_ARGS__ }) / sizeof(char *), \
	    (char *[]){ "container", __VA_ARGS__, NULL })

static void sets_everything(void)
{
	const char *script = "id -u; id -g; id -G; umask; ulimit -n; echo $HOME; "
			     "sed -n 's/^\\(Cap[A-Z][a-z]*\\|NoNewPrivs\\):\t/\\1 /p' /proc/self/status; exit 9";

	/* CHOWN, KILL and SETUID. When a user other than root executes a program, only ambient capabilities remain. */
	CHECK_INT(RUN("4242,4243,10,20", "77", "a1,1,20,21,20", "nh", "7:64:128", "-", "-", "sh", "-c", (char *)script), 9);
	CHECK_TEXT(output, "4242\n4243\n4243 10 20\n0077\n64\n/\n"
			   "CapInh 0000000000000020\nCapPrm 0000000000000020\nCapEff 0000000000000020\n"
			   "CapBnd 00000000000000a1\nCapAmb 0000000000000020\nNoNewPrivs 1\n");
	CHECK_INT(RUN("0,0", "22", "21,21,0,21,0", "-", "-", "-", "-", "sh", "-c", "umask; sed -n '/^Cap[PE]/p' /proc/self/status"), 0);
	CHECK_TEXT(output, "0022\nCapPrm:\t0000000000000021\nCapEff:\t0000000000000021\n");
}

static void fails_as_docker(void)
{
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", "-", "-", "no-such-program"), 127);
	CHECK_TEXT(output, "exec: \"no-such-program\": No such file or directory\n");
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", "-", "-", "/etc/passwd"), 126);
	CHECK_INT(RUN("0", "22", "0,0,0,0,0", "-", "-", "-", "-", "true"), 2);
	CHECK_INT(RUN("0,0", "9", "0,0,0,0,0", "-", "-", "-", "-", "true"), 2);
	CHECK_INT(RUN("0,0", "22", "0,0,0,0", "-", "-", "-", "-", "true"), 2);
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "7:1", "-", "-", "true"), 126);
}

static void filters_system_calls(void)
{
	/* Loads the number of the call; uname(2) fails with EXDEV, all others are allowed. */
	static char filter[128];
	static char *const users[] = { "0,0", "4242,4242" };

	if (getenv("EMULATED"))
		return; /* qemu-user has no filters. */
	snprintf(filter, sizeof(filter), "0:0020000000000000" "00150001%08x" "00060000%08x" "00060000%08x", __NR_uname,
		 SECCOMP_RET_ERRNO | EXDEV, SECCOMP_RET_ALLOW);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(RUN(users[i], "22", "0,0,0,0,0", "-", "-", "-", "-", "uname"), 0);
		CHECK_INT(RUN(users[i], "22", "0,0,0,0,0", "-", "-", "-", filter, "uname"), 1);
		CHECK(strstr(output, "Invalid cross-device link"));
		CHECK_INT(RUN(users[i], "22", "0,0,0,0,0", "n", "-", "-", filter, "sh", "-c", "uname; exit 3"), 3);
		CHECK(strstr(output, "Invalid cross-device link"));
	}
	/* A filter that the kernel refuses, an empty filter, half an instruction. */
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", "-", "0:0020000000000000", "true"), 126);
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", "-", "0:", "true"), 2);
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", "-", "0:00060000", "true"), 2);
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", "-", "0006000000000000", "true"), 2);
}

static void sets_sysctls(void)
{
	char two[] = "net/ipv4/ip_default_ttl=77\nnet/ipv4/ip_local_reserved_ports=8080,9090";
	char none[] = "net/ipv4/no_such=1", half[] = "net/ipv4/ip_default_ttl";
	const char *show = "cd /proc/sys/net/ipv4; cat ip_default_ttl ip_local_reserved_ports";

	/* A new network namespace, so that the test changes only its own settings. */
	CHECK(unshare(CLONE_NEWNET) == 0);
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", two, "-", "sh", "-c", (char *)show), 0);
	CHECK_TEXT(output, "77\n8080,9090\n");
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", none, "-", "true"), 126);
	CHECK(strstr(output, "cannot set the sysctl net/ipv4/no_such: No such file or directory\n"));
	CHECK_INT(RUN("0,0", "22", "0,0,0,0,0", "-", "-", half, "-", "true"), 126);
}

int main(void)
{
	static const struct test tests[] = {
		{ "container gives a process ids, limits, capabilities and no new privileges", sets_everything },
		{ "container filters the system calls of a process", filters_system_calls },
		{ "container sets sysctls", sets_sysctls },
		{ "container fails with docker's exit codes", fails_as_docker },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
