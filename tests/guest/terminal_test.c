/* Commands on a pseudo-terminal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "test.h"

static struct host host;

static struct exec_message on_terminal(const char *command)
{
	struct exec_message exec = shell(command);

	exec.flags = EXEC_TTY | EXEC_STDIN;
	exec.rows = 33;
	exec.columns = 111;
	return exec;
}

static struct outcome run(const char *command)
{
	struct exec_message exec = on_terminal(command);

	host_start_ready(&host);

	struct outcome outcome = host_run(&host, &exec, NULL, 0);

	CHECK_INT(host_end(&host, true), -ECONNRESET);
	CHECK_INT(outcome.type, MSG_EXITED);
	CHECK_INT(outcome.err_length, 0);
	return outcome;
}

/* Reads stdout until the text appears. */
static void wait_for(uint32_t stream, const char *text)
{
	char seen[4096] = "";
	size_t length = 0;
	struct frame frame;

	while (!strstr(seen, text)) {
		CHECK(host_receive(&host, &frame, -1));
		if (frame.type == MSG_STARTED)
			continue;
		CHECK(frame.type == MSG_STDOUT && frame.stream == stream && frame.length > 0);
		CHECK(length + frame.length < sizeof(seen));
		memcpy(seen + length, frame.payload, frame.length);
		length += frame.length;
	}
}

static void is_a_terminal(void)
{
	struct outcome outcome = run("test -t 0 && test -t 1 && test -t 2 && stty size </dev/tty; exit 5");

	CHECK_TEXT(outcome.out, "33 111\r\n");
	CHECK_INT(outcome.numbers[1], 5);
}

static void is_the_users(void)
{
	struct exec_message exec = on_terminal("stat -c '%u %a' $(tty); echo x >$(tty)");

	exec.user = "4242";
	host_start_ready(&host);
	CHECK_TEXT(host_run(&host, &exec, NULL, 0).out, "4242 620\r\nx\r\n");
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

/* Sends input and its end to a command without echo once the command is ready, and checks its output. */
static void check_input(const char *command, const char *input, const char *output)
{
	char whole[256], seen[256] = "";
	struct frame frame;
	size_t length = 0;

	snprintf(whole, sizeof(whole), "stty -echo; echo ready; %s", command);

	struct exec_message exec = on_terminal(whole);

	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	wait_for(1, "ready\r\n");
	if (*input)
		host_send_bytes(&host, MSG_STDIN, 1, input, strlen(input));
	host_send(&host, MSG_STDIN, 1);
	do {
		CHECK(host_receive(&host, &frame, -1));
		if (frame.type != MSG_STDOUT)
			continue;
		CHECK(length + frame.length < sizeof(seen));
		memcpy(seen + length, frame.payload, frame.length);
		length += frame.length;
	} while (frame.type != MSG_EXITED);
	CHECK_TEXT(seen, output);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void end_of_input(void)
{
	check_input("cat", "line\n", "line\r\n");
	/* After an unfinished line the end is needed twice: the first one only delivers the line. */
	check_input("cat; echo end", "part", "partend\r\n");
	check_input("cat", "", "");
}

static void no_end_in_raw_mode(void)
{
	struct exec_message exec = on_terminal("stty raw -echo; echo ready; head -c 1 | od -An -tx1");
	struct frame frame;

	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	wait_for(1, "ready");
	host_send(&host, MSG_STDIN, 1);
	CHECK(!host_receive(&host, &frame, 300)); /* it still waits: it has not got an end character */
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void resizes(void)
{
	struct exec_message exec =
		on_terminal("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done");

	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	wait_for(1, "ready");
	host_send_numbers(&host, MSG_RESIZE, 1, 2, 40, 100);
	wait_for(1, "40 100\r\n");
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void interrupts(void)
{
	struct exec_message exec = on_terminal("echo ready; exec sleep 1000");
	uint32_t numbers[2];
	struct frame frame;

	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	wait_for(1, "ready");
	host_send_bytes(&host, MSG_STDIN, 1, "\3", 1);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_EXITED);
	CHECK_INT(numbers_parse(numbers, 2, &frame), 0);
	CHECK_INT(numbers[0], EXIT_SIGNAL);
	CHECK_INT(numbers[1], 2);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void last_words(void)
{
	host_start_ready(&host);
	for (int i = 0; i < 20; i++) {
		struct exec_message exec = on_terminal("i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; done");
		struct outcome outcome = host_run(&host, &exec, NULL, 0);

		CHECK_INT(outcome.out_length, 9 * 8 + 90 * 9 + 101 * 10);
		CHECK(strstr(outcome.out, "line 200\r\n"));
		free(outcome.out);
		free(outcome.err);
	}
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void left_behind(void)
{
	CHECK_TEXT(run("trap '' HUP; sleep 2 & echo started").out, "started\r\n");
}

/* More than the line discipline can buffer: the agent must wait for the reader. */
static void large_input(void)
{
	static char input[60001];

	for (size_t i = 0; i < sizeof(input) - 1; i++)
		input[i] = i % 50 == 49 ? '\n' : 'x';
	check_input("sleep 0.3; cat | wc -c", input, "60000\r\n");
}

int main(void)
{
	static const struct test tests[] = {
		{ "EXEC_TTY gives the command a terminal with the right size from the start", is_a_terminal },
		{ "a terminal belongs to the command's user", is_the_users },
		{ "the end of input ends a reader in canonical mode", end_of_input },
		{ "the end of input sends no byte in raw mode", no_end_in_raw_mode },
		{ "MSG_RESIZE reaches the command", resizes },
		{ "an interrupt character sends SIGINT", interrupts },
		{ "terminal output of a command arrives after its end", last_words },
		{ "background processes do not keep the terminal's stream open", left_behind },
		{ "a large input is not lost", large_input },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
