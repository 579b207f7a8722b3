#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void fail(const char *step, int errnum)
{
	fprintf(stderr, "smolvm-jail: %s: %s\n", step, strerror(errnum));
	exit(JAIL_FAILED);
}

static struct options parse(char **argv)
{
	struct options options = {.listener = -1};
	for (argv++; *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--unjailed"))
			options.unjailed = true;
		else if (!strcmp(*argv, "--host-network"))
			options.host_network = true;
		else if (!strcmp(*argv, "--warm"))
			options.warm = true;
		else
			fail(*argv, EINVAL);
	}
	if (!*argv)
		fail("no command given", EINVAL);
	options.command = argv;
	return options;
}

/*
 * Closes the standard streams, so that the command's output ends with the command. Keeps only the read end of its input
 * and returns it: it tells whether the write end is still open.
 */
static int step_back(void)
{
	int input = fcntl(0, F_DUPFD_CLOEXEC, MESSAGES_FD + 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2; fd++) {
		if (null >= 0)
			dup2(null, fd);
		else
			close(fd);
	}
	if (chdir("/"))
		errno = 0; /* chdir() only allows the file system to be unmounted. */
	return input;
}

static pid_t child;

void kill_command(void)
{
	kill(child, SIGKILL);
}

void block_debugger(void)
{
	sigset_t debugger;
	sigemptyset(&debugger);
	sigaddset(&debugger, SIGUSR1);
	sigprocmask(SIG_BLOCK, &debugger, NULL);
}

/* On a signal to the whole process group, the runner shuts itself down. This process must survive to clean up. */
static void ignore_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR2};
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		signal(signals[i], SIG_IGN);
}

/* Ends this process like the command: with its exit status, or by its signal. */
static int end_like(int status)
{
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : JAIL_FAILED;
}

/* Creates a pipe whose ends do not collide with the command's descriptors. */
static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		fail("making a pipe", errno);
	for (int i = 0; i < 2; i++) {
		int end = fcntl(ends[i], F_DUPFD_CLOEXEC, MESSAGES_FD + 1);
		if (end < 0)
			fail("making a pipe", errno);
		close(ends[i]);
		ends[i] = end;
	}
}

/* Passes the end of a pipe to the command. */
static void pass_on(int end, int as)
{
	if (dup2(end, as) < 0)
		fail("passing a pipe on", errno);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--pings")) {
		start_pings(argv[2], -1);
		return 0;
	}
	if (argc >= 4 && !strcmp(argv[1], "--hold-signals"))
		hold_signals(argv[2], argv + 3);
	bool is_ahead = argc > 1 && !strcmp(argv[1], "--ahead");
	struct options options = is_ahead ? start_ahead(argv + 2) : parse(argv);
	bool has_taker = options.warm || is_ahead;
	int ask[2], answer[2], orders[2], console[2], messages[2], status;
	char reason[128];
	int standard_input[2], standard_output[2]; /* only with a taker */
	make_pipe(ask);
	make_pipe(answer);
	make_pipe(orders);
	make_pipe(console);
	make_pipe(messages);
	if (has_taker) {
		make_pipe(standard_input);
		make_pipe(standard_output);
	}
	block_debugger();
	child = fork();
	if (child < 0)
		fail("starting a process", errno);
	if (child == 0) {
		/* Close the other ends, so that the child notices when its parent is killed. */
		close(ask[0]);
		close(answer[1]);
		pass_on(orders[1], ORDERS_FD);
		pass_on(console[1], CONSOLE_FD);
		pass_on(messages[1], MESSAGES_FD);
		if (has_taker) {
			pass_on(standard_input[0], 0);
			pass_on(standard_output[1], 1);
		}
		start_command(&options, ask[1], answer[0]);
	}
	close(ask[1]);
	close(answer[0]);
	close(orders[1]);
	close(console[1]);
	ignore_signals();
	write_id_maps(child, ask[0], answer[1]);
	if (has_taker) {
		close(standard_input[0]);
		close(standard_output[1]);
		taker_begin(child, standard_input[1], standard_output[0], options.listener);
	}
	if (options.warm)
		warm_begin(argv);
	int input = step_back();
	read_orders(orders[0]);
	int events = start_gateway(messages[1]);
	close(messages[1]);
	keep_logs(console[0], messages[0], events, input);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return JAIL_FAILED;
	await_gateway(reason, sizeof reason);
	end_pings();
	warm_end();
	carry_out_orders(has_taker ? taker_holder() : input);
	warm_finish(status);
	return end_like(status);
}
