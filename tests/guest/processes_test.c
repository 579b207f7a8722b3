#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/processes.h"
#include "test.h"
#include "base/transfer.h"

#define OUTPUT_MAX (256 * 1024)
#define UID 4321

static char output[OUTPUT_MAX];
static pid_t tool;

static void run_tool(void)
{
	int ends[2], status;

	CHECK(pipe(ends) == 0);
	tool = fork();
	CHECK(tool >= 0);
	if (tool == 0) {
		dup2(ends[1], STDOUT_FILENO);
		exit(processes_tool(1, (char *[]){ "processes", NULL }));
	}
	close(ends[1]);

	ssize_t length = read_all(ends[0], output, OUTPUT_MAX - 1);

	CHECK(length > 0);
	output[length] = '\0';
	CHECK(waitpid(tool, &status, 0) == tool && WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}

/* Starts a process and waits until it has called `prepare`. */
static pid_t start(void (*prepare)(void))
{
	int ends[2];
	char done;
	pid_t pid;

	CHECK(pipe(ends) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		prepare();
		write(ends[1], "x", 1) == 1 ? pause() : 0;
		_exit(0);
	}
	CHECK(read(ends[0], &done, 1) == 1);
	return pid;
}

static const char *line_of(pid_t pid)
{
	char start[32];

	snprintf(start, sizeof(start), "\n%d ", (int)pid);

	const char *line = strstr(output, start);

	return line ? line + 1 : NULL;
}

static void another_user(void)
{
	CHECK(setgid(UID) == 0 && setuid(UID) == 0);
}

static void some_work(void)
{
	while (clock() < CLOCKS_PER_SEC / 5)
		;
}

static void the_figures_of_a_process(void)
{
	pid_t pid = start(another_user);
	unsigned long uid, cpu_ms, age_ms, resident_kib;
	char state;

	run_tool();
	CHECK(line_of(pid));
	CHECK_INT(sscanf(line_of(pid), "%*d %lu %c %lu %lu %lu", &uid, &state, &cpu_ms, &age_ms, &resident_kib), 5);
	CHECK_INT(uid, UID);
	CHECK_INT(state, 'S');
	CHECK(cpu_ms < 1000 && age_ms < 60000);
	CHECK(resident_kib > 0 && resident_kib < 4 * 1024 * 1024);
	kill(pid, SIGKILL);
}

static void time_that_was_used(void)
{
	pid_t pid = start(some_work);
	unsigned long cpu_ms;

	run_tool();
	CHECK_INT(sscanf(line_of(pid), "%*d %*u %*c %lu", &cpu_ms), 1);
	CHECK(cpu_ms >= 100 && cpu_ms < 10000);
	kill(pid, SIGKILL);
}

static void the_memory_first(void)
{
	unsigned long total, available;

	run_tool();
	CHECK_INT(sscanf(output, "%lu %lu\n", &total, &available), 2);
	CHECK(total > 64 * 1024 && available > 0 && available <= total);
}

static void not_itself(void)
{
	run_tool();
	CHECK(line_of(getpid()));
	CHECK(!line_of(tool));
	CHECK(!strstr(output, "[kthreadd]"));
}

static void odd_name(void)
{
	prctl(PR_SET_NAME, "a) b\nUid:\t7");
}

/* A zombie has no command line. Its name may contain text that looks like other fields. */
static void what_has_no_command(void)
{
	pid_t pid = start(odd_name);

	kill(pid, SIGKILL);
	CHECK(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT) == 0);
	run_tool();

	const char *line = line_of(pid);
	unsigned long uid;
	char state;
	char name[32] = "";

	CHECK(line);
	CHECK_INT(sscanf(line, "%*d %lu %c %*u %*u %*u %31[^\n]", &uid, &state, name), 3);
	CHECK_INT(uid, getuid());
	CHECK_INT(state, 'Z');
	CHECK_TEXT(name, "[a) b?Uid:?7]");
}

static void no_arguments(void)
{
	CHECK_INT(processes_tool(2, (char *[]){ "processes", "x", NULL }), 2);
}

int main(void)
{
	static const struct test tests[] = {
		{ "processes prints user, state, times and memory of each process", the_figures_of_a_process },
		{ "processes prints the used CPU time", time_that_was_used },
		{ "processes prints the guest's memory first", the_memory_first },
		{ "processes leaves out itself and kernel threads", not_itself },
		{ "processes prints the name of a process without a command line", what_has_no_command },
		{ "processes refuses arguments", no_arguments },
	};

	return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
