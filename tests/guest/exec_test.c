/* How commands start and end: users, folders, environments, signals, exit codes, and errors at the start. */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "test.h"

static struct host host;

static struct outcome run(const struct exec_message *exec)
{
	host_start_ready(&host);

	struct outcome outcome = host_run(&host, exec, NULL, 0);

	CHECK_INT(host_end(&host, true), -ECONNRESET);
	return outcome;
}

static void check_exit(const char *command, uint32_t kind, uint32_t value)
{
	struct exec_message exec = shell(command);
	struct outcome outcome = run(&exec);

	CHECK_INT(outcome.type, MSG_EXITED);
	CHECK_INT(outcome.numbers[0], kind);
	CHECK_INT(outcome.numbers[1], value);
}

static void check_failure(const struct exec_message *exec, int error, uint32_t stage, const char *text)
{
	struct outcome outcome = run(exec);

	CHECK_INT(outcome.type, MSG_FAILED);
	CHECK_INT(outcome.numbers[0], error);
	CHECK_INT(outcome.numbers[1], stage);
	CHECK_TEXT(outcome.text, text);
}

static void order_of_frames(void)
{
	struct exec_message exec = shell("echo out; exec >&-; sleep 0.1; echo err >&2");
	struct frame frame;

	host_start_ready(&host);
	host_send_exec(&host, 7, &exec);
	frame = host_expect(&host, MSG_STARTED, 7);
	CHECK_INT(frame.length, 4);
	frame = host_expect(&host, MSG_STDOUT, 7);
	CHECK(frame.length == 4 && !memcmp(frame.payload, "out\n", 4));
	CHECK_INT(host_expect(&host, MSG_STDOUT, 7).length, 0); /* the stream ends before the command */
	frame = host_expect(&host, MSG_STDERR, 7);
	CHECK(frame.length == 4 && !memcmp(frame.payload, "err\n", 4));
	CHECK_INT(host_expect(&host, MSG_STDERR, 7).length, 0);
	host_expect(&host, MSG_EXITED, 7);
	host_send_exec(&host, 7, &exec); /* the stream number can be used again */
	host_expect(&host, MSG_STARTED, 7);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void exit_codes(void)
{
	check_exit("exit 0", EXIT_CODE, 0);
	check_exit("exit 7", EXIT_CODE, 7);
	check_exit("exit 255", EXIT_CODE, 255);
}

static void signal_deaths(void)
{
	check_exit("kill -KILL $$", EXIT_SIGNAL, SIGKILL);
	check_exit("kill -SEGV $$", EXIT_SIGNAL, SIGSEGV);
	/* The agent ignores SIGPIPE and blocks the next signal; its commands must not. */
	check_exit("kill -PIPE $$", EXIT_SIGNAL, SIGPIPE);
	check_exit("kill -CHLD $$; exit 3", EXIT_CODE, 3);
	check_shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '[:space:]'",
		    "SigBlk:0000000000000000SigIgn:0000000000000000");
}

static void arguments(void)
{
	static char large[20001];
	static char *argv[] = { "sh", "-c", "printf '%s|' \"$@\"", "--", "", "-- \"$x\" '\n", "ä€😀", large, NULL };
	struct exec_message exec = shell("");

	memset(large, 'x', sizeof(large) - 1);
	exec.argv = argv;

	struct outcome outcome = run(&exec);

	CHECK_INT(outcome.numbers[1], 0);
	static const char begin[] = "|-- \"$x\" '\n|ä€😀|xxxx";

	CHECK(!strncmp(outcome.out, begin, strlen(begin)));
	CHECK_INT(outcome.out_length, strlen(begin) - 4 + 20000 + 1);
}

static void environment(void)
{
	static char *argv[] = { "env", "-0", NULL };
	static char *env[] = { "PATH=/usr/bin:/bin", "A= b\n\"$'", "EMPTY=", NULL };
	static const char expected[] = "PATH=/usr/bin:/bin\0A= b\n\"$'\0EMPTY=\0HOME=/";
	struct exec_message exec = shell("");

	exec.argv = argv;
	exec.env = env;
	exec.user = "4242";

	struct outcome outcome = run(&exec);

	CHECK_INT(outcome.out_length, sizeof(expected));
	CHECK(!memcmp(outcome.out, expected, sizeof(expected)));
	check_shell("echo $HOME", "/root\n");
	env[2] = "HOME=/mine";
	exec = shell("echo $HOME");
	exec.env = env;
	CHECK_TEXT(run(&exec).out, "/mine\n");
}

static void users(void)
{
	struct exec_message exec = shell("id -u; id -g; id -G; echo x >/dev/stdout; echo y >/dev/stderr");

	/* The agent's groups, which a command must not inherit. */
	CHECK(setgroups(2, (const gid_t[]){ 4444, 4545 }) == 0);
	exec.user = "4242:4343";

	struct outcome outcome = run(&exec);

	CHECK_TEXT(outcome.out, "4242\n4343\n4343\nx\n");
	CHECK_TEXT(outcome.err, "y\n");
	exec.user = "nosuchuser";
	check_failure(&exec, ENOENT, STAGE_USER, "user nosuchuser");
	exec.user = "root:nosuchgroup";
	check_failure(&exec, ENOENT, STAGE_USER, "group nosuchgroup");
}

static void working_directories(void)
{
	struct exec_message exec = shell("pwd");
	char cwd[256], expected[260];

	snprintf(cwd, sizeof(cwd), "%s/made/for it", test_folder());
	snprintf(expected, sizeof(expected), "%s\n", cwd);
	exec.cwd = cwd;
	check_failure(&exec, ENOENT, STAGE_CWD, cwd);
	CHECK(access(cwd, F_OK) < 0);
	exec.flags = EXEC_MAKE_CWD;
	CHECK_TEXT(run(&exec).out, expected);
	exec.flags = 0;
	CHECK_TEXT(run(&exec).out, expected);
	exec.cwd = "";
	CHECK_TEXT(run(&exec).out, "/\n");

	exec.cwd = test_file("file", "", 0644);
	check_failure(&exec, ENOTDIR, STAGE_CWD, exec.cwd);
}

static void programs(void)
{
	static char *argv[] = { NULL, NULL };
	struct exec_message exec = shell("");
	char script[256], expected[300];

	exec.argv = argv;
	argv[0] = "nosuchprogram";
	check_failure(&exec, ENOENT, STAGE_EXEC, "nosuchprogram");
	argv[0] = "/etc/passwd";
	check_failure(&exec, EACCES, STAGE_EXEC, "/etc/passwd");
	snprintf(script, sizeof(script), "%s", test_file("app.sh", "#!/no/sh\n", 0755));
	snprintf(expected, sizeof(expected), "%s: interpreter /no/sh not found", script);
	argv[0] = script;
	check_failure(&exec, ENOENT, STAGE_EXEC, expected);
}

static void signals(void)
{
	struct exec_message exec = shell("trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done");
	uint32_t numbers[2];
	struct frame frame;

	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	host_expect(&host, MSG_STARTED, 1);
	host_expect(&host, MSG_STDOUT, 1);
	host_send_numbers(&host, MSG_SIGNAL, 1, 1, SIGUSR1, 0);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_EXITED);
	CHECK_INT(numbers_parse(numbers, 2, &frame), 0);
	CHECK_INT(numbers[0], EXIT_CODE);
	CHECK_INT(numbers[1], 9);
	host_send_numbers(&host, MSG_SIGNAL, 1, 1, SIGUSR1, 0); /* too late, and no error */
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

/* With job control, which needs a terminal, the sleep has its own process group. */
static void kill_takes_the_session(void)
{
	struct exec_message exec = shell("set -m; sleep 1000 & echo $!; wait");
	struct frame frame;

	exec.flags = EXEC_TTY;
	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	host_expect(&host, MSG_STARTED, 1);
	frame = host_expect(&host, MSG_STDOUT, 1);

	pid_t sleeper = (pid_t)strtol((const char *)frame.payload, NULL, 10);

	CHECK(sleeper > 0 && kill(sleeper, 0) == 0);
	host_send_numbers(&host, MSG_SIGNAL, 1, 1, SIGKILL, 0);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_EXITED);
	for (int i = 0; kill(sleeper, 0) == 0; i++) { /* the agent reaps it */
		CHECK(i < 1000);
		usleep(10000);
	}
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

/* Background processes of a command continue, and delay neither the end of its streams nor its exit. */
static void left_behind(void)
{
	struct exec_message exec = shell("sleep 1000 & echo $!");

	host_start_ready(&host);

	struct outcome outcome = host_run(&host, &exec, NULL, 0);
	pid_t sleeper = (pid_t)strtol(outcome.out, NULL, 10);

	CHECK_INT(outcome.numbers[1], 0);
	CHECK(kill(sleeper, 0) == 0);
	kill(sleeper, SIGKILL);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void capabilities(void)
{
	/* CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT: 16, 17, 22. */
	check_shell("for set in Bnd Prm Eff Inh Amb; do\n"
		    "	value=$(sed -n \"s/^Cap$set:\\t*/0x/p\" /proc/self/status); echo $((value >> 16 & 0x43))\n"
		    "done",
		    "0\n0\n0\n0\n0\n");
}

/* Other commands see the same processes, and end with PID 1. PID 1 ignores signals that it does not handle. */
static void pid_one(void)
{
	struct exec_message first = shell("kill -TERM $$; kill -KILL $$; echo $$; read line; exit 3");
	struct exec_message other = shell("kill -0 1 && [ $$ -lt 100 ] && echo there; exec sleep 1000");
	struct frame frame;
	int ends = 0;

	first.flags = EXEC_PID1 | EXEC_STDIN;
	host_start_ready(&host);
	host_send_exec(&host, 1, &first);
	host_take_stdout(&host, strlen("1\n"));
	host_send_exec(&host, 2, &other);
	host_take_stdout(&host, strlen("there\n"));
	host_send_numbers(&host, MSG_SIGNAL, 1, 1, SIGTERM, 0);
	host_send_bytes(&host, MSG_STDIN, 1, "\n", 1);
	while (ends < 2) {
		uint32_t numbers[2];

		CHECK(host_receive(&host, &frame, -1));
		if (frame.type != MSG_EXITED)
			continue;
		CHECK_INT(numbers_parse(numbers, 2, &frame), 0);
		CHECK_INT(numbers[0], frame.stream == 1 ? EXIT_CODE : EXIT_SIGNAL);
		CHECK_INT(numbers[1], frame.stream == 1 ? 3 : SIGKILL);
		ends++;
	}
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

/* SIGKILL for another command kills its session. The agent finds its processes in the /proc that it kept open. */
static void kill_below_pid_one(void)
{
	struct exec_message first = shell("sleep 1000 & echo up; wait"); /* it reaps */
	struct exec_message other = shell("set -m; sleep 1000 & echo $!; wait");
	struct frame frame;

	first.flags = EXEC_PID1;
	other.flags = EXEC_TTY;
	host_start_ready(&host);
	host_send_exec(&host, 1, &first);
	host_take_stdout(&host, strlen("up\n"));
	host_send_exec(&host, 2, &other);
	host_expect(&host, MSG_STARTED, 2);
	frame = host_expect(&host, MSG_STDOUT, 2);

	/* The sleep is gone as well, but PID 1 is not. */
	char script[200];
	struct exec_message look = shell(script);

	snprintf(script, sizeof(script),
		 "for i in $(seq 200); do kill -0 1 || exit 1; kill -0 %ld 2>/dev/null || exit 4; sleep 0.05; done",
		 strtol((const char *)frame.payload, NULL, 10));
	host_send_numbers(&host, MSG_SIGNAL, 2, 1, SIGKILL, 0);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_EXITED);
	CHECK_INT(frame.stream, 2);

	uint32_t numbers[2];

	host_send_exec(&host, 3, &look);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_EXITED);
	CHECK_INT(numbers_parse(numbers, 2, &frame), 0);
	CHECK_INT(numbers[1], 4);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void resource_limits(void)
{
	struct setup_rlimit limits[] = { { .resource = 7 /* RLIMIT_NOFILE */, .soft = 123, .hard = 456 } };
	const struct setup_message setup = { .hostname = "", .rootfs = "", .rlimits = limits, .rlimit_count = 1 };
	struct exec_message exec = shell("ulimit -Sn; ulimit -Hn");

	host_start(&host);
	host_send_setup(&host, &setup);
	host_expect(&host, MSG_READY, 0);
	CHECK_TEXT(host_run(&host, &exec, NULL, 0).out, "123\n456\n");
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void impossible_limits(void)
{
	struct setup_rlimit limits[] = { { .resource = 7, .soft = 456, .hard = 123 } };
	const struct setup_message setup = { .hostname = "", .rootfs = "", .rlimits = limits, .rlimit_count = 1 };
	struct exec_message exec = shell("true");

	host_start(&host);
	host_send_setup(&host, &setup);
	host_expect(&host, MSG_READY, 0);

	struct outcome outcome = host_run(&host, &exec, NULL, 0);

	CHECK_INT(outcome.type, MSG_FAILED);
	CHECK_INT(outcome.numbers[0], EINVAL);
	CHECK_INT(outcome.numbers[1], STAGE_SPAWN);
	CHECK_TEXT(outcome.text, "resource limits");
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void too_many_at_once(void)
{
	static char *argv[] = { "sleep", "1000", NULL };
	struct exec_message exec = shell("");
	struct frame frame;
	int started = 0, refused = 0;

	exec.argv = argv;
	host_start_ready(&host);
	for (uint32_t stream = 1; stream <= 257; stream++)
		host_send_exec(&host, stream, &exec);
	while (started < 256 || refused < 1) {
		CHECK(host_receive(&host, &frame, -1));
		started += frame.type == MSG_STARTED;
		if (frame.type != MSG_FAILED)
			continue;
		CHECK_INT(frame.stream, 257);
		CHECK(!memcmp(frame.payload, "\x0b\0\0\0\4\0\0\0", 8)); /* EAGAIN, STAGE_SPAWN */
		refused++;
	}
	host_send(&host, MSG_SHUTDOWN, 0);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_BYE);
	host_acknowledge(&host);
	CHECK_INT(host_end(&host, false), 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "an exec reports its start, its streams, their ends and its exit, in this order", order_of_frames },
		{ "an exec reports exit codes", exit_codes },
		{ "an exec reports deaths by signals, and all signals work", signal_deaths },
		{ "an exec passes arguments of any bytes and length", arguments },
		{ "the environment is exactly the one that was sent, plus HOME", environment },
		{ "a command runs as its user, who may open its streams", users },
		{ "a missing working directory is created only on request", working_directories },
		{ "MSG_FAILED has the reason why a program cannot be executed", programs },
		{ "MSG_SIGNAL reaches the command", signals },
		{ "SIGKILL kills the command's whole session", kill_takes_the_session },
		{ "background processes do not delay the exit of a command", left_behind },
		{ "a command has no capability that reaches the hardware", capabilities },
		{ "a machine's command is PID 1 of a namespace that others join", pid_one },
		{ "SIGKILL kills another command's whole session in the PID namespace", kill_below_pid_one },
		{ "resource limits apply to commands", resource_limits },
		{ "a command with invalid resource limits fails", impossible_limits },
		{ "a 257th command is refused", too_many_at_once },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
