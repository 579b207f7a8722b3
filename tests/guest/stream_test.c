/* stdin, stdout and stderr, and the two windows of protocol.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "host.h"
#include "test.h"

#define SILENCE_MS 300 /* how long to check that the agent sends nothing */

static struct host host;

static char *pseudo_random(size_t length)
{
	char *bytes = malloc(length);
	uint32_t state = 1;

	CHECK(bytes);
	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (char)(state >> 24);
	}
	return bytes;
}

static void both_ways(void)
{
	const size_t length = 3 * 1024 * 1024 + 17;
	struct exec_message exec = shell("cat");
	char *input = pseudo_random(length);

	exec.flags = EXEC_STDIN;
	host_start_ready(&host);

	struct outcome outcome = host_run(&host, &exec, input, length);

	CHECK_INT(outcome.numbers[1], 0);
	CHECK_INT(outcome.out_length, length);
	CHECK(!memcmp(outcome.out, input, length));
	CHECK_INT(outcome.err_length, 0);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void two_outputs(void)
{
	struct exec_message exec = shell("head -c 1000000 /dev/zero & head -c 2000000 /dev/zero >&2; wait");

	host_start_ready(&host);

	struct outcome outcome = host_run(&host, &exec, NULL, 0);

	CHECK_INT(outcome.out_length, 1000000);
	CHECK_INT(outcome.err_length, 2000000);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

/* Output that is in the pipe when the command ends arrives, even if the reader is slow. */
static void last_words(void)
{
	struct exec_message exec = shell("head -c 100000 /dev/zero; head -c 30000 /dev/zero >&2; kill -KILL $$");

	host_start_ready(&host);
	for (int i = 0; i < 20; i++) {
		struct outcome outcome = host_run(&host, &exec, NULL, 0);

		CHECK_INT(outcome.numbers[0], EXIT_SIGNAL);
		CHECK_INT(outcome.out_length, 100000);
		CHECK_INT(outcome.err_length, 30000);
		free(outcome.out);
		free(outcome.err);
	}
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

/* The end of input, empty input, and /dev/null without EXEC_STDIN. */
static void end_of_input(void)
{
	struct exec_message exec = shell("wc -c | tr -d ' '");

	host_start_ready(&host);
	CHECK_TEXT(host_run(&host, &exec, NULL, 0).out, "0\n");
	exec.flags = EXEC_STDIN;
	CHECK_TEXT(host_run(&host, &exec, "", 0).out, "0\n");
	CHECK_TEXT(host_run(&host, &exec, "abc", 3).out, "3\n");
	exec = shell("readlink /proc/self/fd/0");
	CHECK_TEXT(host_run(&host, &exec, NULL, 0).out, "/dev/null\n");
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

/* Input without a reader is credited too: the sender must not hang. */
static void input_that_nobody_reads(void)
{
	const size_t length = 1024 * 1024;
	struct exec_message exec = shell("exec <&-; sleep 0.5; echo done");
	char *input = pseudo_random(length);
	size_t sent = 0;
	uint32_t credit = INPUT_WINDOW, number;
	struct frame frame;

	exec.flags = EXEC_STDIN;
	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	do {
		while (sent < length && credit > 0) {
			host_send_bytes(&host, MSG_STDIN, 1, input + sent, credit);
			sent += credit;
			credit = 0;
		}
		CHECK(host_receive(&host, &frame, -1));
		if (frame.type == MSG_STDIN_CREDIT) {
			CHECK_INT(numbers_parse(&number, 1, &frame), 0);
			credit += number;
		}
	} while (frame.type != MSG_EXITED);
	CHECK(sent >= length / 2); /* everything, unless the sleep was too short for this machine */
	host_send_bytes(&host, MSG_STDIN, 1, input, 10); /* for an exec that has ended: ignored */
	CHECK_TEXT(host_run(&host, &(struct exec_message){ .cwd = "/", .user = "", .argv = exec.argv, .env = exec.env },
			    NULL, 0).out, "done\n");
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void too_much_input(void)
{
	struct exec_message exec = shell("sleep 1000");
	char *input = pseudo_random(INPUT_WINDOW + 1);

	exec.flags = EXEC_STDIN;
	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	host_expect(&host, MSG_STARTED, 1);
	host_send_bytes(&host, MSG_STDIN, 1, input, INPUT_WINDOW + 1);
	CHECK_INT(host_end(&host, false), -EPROTO);
}

static void check_silence(void)
{
	struct frame frame;

	CHECK(!host_receive(&host, &frame, SILENCE_MS));
}

static void stream_window(void)
{
	struct exec_message endless = shell("exec cat /dev/zero");
	struct exec_message exec = shell("echo other");

	host_start_ready(&host);
	host_send_exec(&host, 5, &endless);
	host_take_stdout(&host, STREAM_WINDOW);
	check_silence();
	CHECK_TEXT(host_run(&host, &exec, NULL, 0).out, "other\n"); /* other streams are not blocked */
	host_send_numbers(&host, MSG_CREDIT, 5, 2, CHANNEL_STDOUT, 1000);
	host_take_stdout(&host, 1000);
	check_silence();
	host_send_numbers(&host, MSG_CREDIT, 5, 2, CHANNEL_STDOUT, STREAM_WINDOW + 1);
	CHECK_INT(host_end(&host, false), -EPROTO);
}

/* host_receive() checks the window with every byte. In this test the host does not acknowledge anything. */
static void connection_window(void)
{
	struct exec_message endless = shell("exec cat /dev/zero");
	struct exec_message exec = shell("exit 3");
	struct frame frame;
	size_t total = 0;

	host_start_ready(&host);
	host_acknowledge(&host);
	host.silent = true;
	for (uint32_t stream = 1; stream <= 3; stream++)
		host_send_exec(&host, stream, &endless);
	while (total <= CONNECTION_WINDOW - GUEST_FRAME_MAX) {
		CHECK(host_receive(&host, &frame, -1));
		total += FRAME_HEADER_BYTES + frame.length;
	}
	check_silence();

	/* Frames without data wait for the window too. */
	host_send_exec(&host, 9, &exec);
	check_silence();
	host_acknowledge(&host);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_EXITED);
	CHECK_INT(frame.stream, 9);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void false_acknowledgement(void)
{
	host_start_ready(&host);
	host_send_numbers(&host, MSG_ACK, 0, 1, host.unacknowledged + 1, 0);
	CHECK_INT(host_end(&host, false), -EPROTO);
}

static void put_credit(uint8_t *frame, uint32_t stream, uint32_t channel)
{
	put_u32(frame, 8);
	put_u32(frame + 4, MSG_CREDIT);
	put_u32(frame + 8, stream);
	put_u32(frame + 12, channel);
	put_u32(frame + 16, 3 * GUEST_PAYLOAD_MAX);
}

/* Two endless outputs whose windows are used up get these credits at once: their frames must take turns. */
static void check_turns(uint8_t credits[2][FRAME_HEADER_BYTES + 8])
{
	const size_t length = 2 * (FRAME_HEADER_BYTES + 8);
	uint32_t last_stream = 0, last_type = 0;
	struct frame frame;

	for (size_t taken = 0; taken < 2 * STREAM_WINDOW; taken += frame.type == MSG_STARTED ? 0 : frame.length)
		CHECK(host_receive(&host, &frame, -1));
	usleep(500000); /* both fill their pipes, which hold more than the three frames that the credits allow */
	CHECK(write(host.fd, credits, length) == (ssize_t)length);
	for (int i = 0; i < 6; i++) {
		CHECK(host_receive(&host, &frame, -1));
		CHECK_INT(frame.length, GUEST_PAYLOAD_MAX);
		CHECK(frame.stream != last_stream || frame.type != last_type);
		last_stream = frame.stream;
		last_type = frame.type;
	}
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void fairness_of_commands(void)
{
	struct exec_message endless = shell("exec cat /dev/zero");
	uint8_t credits[2][FRAME_HEADER_BYTES + 8];

	host_start_ready(&host);
	host_send_exec(&host, 1, &endless);
	host_send_exec(&host, 2, &endless);
	put_credit(credits[0], 1, CHANNEL_STDOUT);
	put_credit(credits[1], 2, CHANNEL_STDOUT);
	check_turns(credits);
}

static void fairness_of_channels(void)
{
	struct exec_message endless = shell("cat /dev/zero & exec cat /dev/zero >&2");
	uint8_t credits[2][FRAME_HEADER_BYTES + 8];

	host_start_ready(&host);
	host_send_exec(&host, 1, &endless);
	put_credit(credits[0], 1, CHANNEL_STDOUT);
	put_credit(credits[1], 1, CHANNEL_STDERR);
	check_turns(credits);
}

int main(void)
{
	static const struct test tests[] = {
		{ "3 MiB go in and come out unchanged", both_ways },
		{ "stdout and stderr are separate streams", two_outputs },
		{ "output of a command arrives after its end", last_words },
		{ "the end of input reaches the command", end_of_input },
		{ "input without a reader is credited", input_that_nobody_reads },
		{ "input beyond the window ends the connection", too_much_input },
		{ "a stream stops at its window, and only that stream", stream_window },
		{ "the connection stops at its window", connection_window },
		{ "an acknowledgement of bytes that were not sent ends the connection", false_acknowledgement },
		{ "two busy commands take turns", fairness_of_commands },
		{ "stdout and stderr take turns", fairness_of_channels },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
