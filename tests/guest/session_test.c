/* Sessions from MSG_HELLO to the end, and hosts that violate the protocol. */
#include <errno.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake_machine.h"
#include "host.h"
#include "test.h"

static struct host host;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check_failed_setup(const char *hostname, int error, const char *step)
{
	const struct setup_message setup = { .hostname = hostname, .rootfs = "" };
	struct frame frame;

	host_start(&host);
	host_send_setup(&host, &setup);
	frame = host_expect(&host, MSG_FAILED, 0);

	struct reader reader = reader_of(frame.payload, frame.length);

	CHECK_INT(read_u32(&reader), error);
	CHECK_INT(read_u32(&reader), STAGE_SETUP);
	CHECK_TEXT(read_str(&reader), step);
	CHECK_INT(reader_end(&reader), 0);
	host_acknowledge(&host);
	CHECK_INT(host_end(&host, false), -error);
}

static void failed_setup(void)
{
	check_failed_setup(FAKE_MACHINE_BROKEN, EROFS, FAKE_MACHINE_STEP);
}

static void failed_preparation(void)
{
	CHECK_INT(setenv(FAKE_MACHINE_UNPREPARED, "1", 1), 0);
	check_failed_setup("web", EIO, FAKE_MACHINE_PREPARE_STEP);
	CHECK_INT(unsetenv(FAKE_MACHINE_UNPREPARED), 0);
}

static void command_behind_setup(void)
{
	const struct setup_message setup = { .hostname = "test", .rootfs = "/s/rootfs" }, broken = {
		.hostname = FAKE_MACHINE_BROKEN, .rootfs = "" };
	struct exec_message command = shell("exit 3");
	uint32_t numbers[2];
	struct frame frame;

	host_start(&host);
	host_send_setup(&host, &setup);
	host_send_exec(&host, 1, &command);
	host_expect(&host, MSG_READY, 0);
	host_expect(&host, MSG_STARTED, 1);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type == MSG_STDOUT || frame.type == MSG_STDERR);
	CHECK_INT(frame.type, MSG_EXITED);
	CHECK_INT(numbers_parse(numbers, 2, &frame), 0);
	CHECK_INT(numbers[1], 3);
	CHECK_INT(host_end(&host, true), -ECONNRESET);

	/* No command is started if the setup fails. */
	host_start(&host);
	host_send_setup(&host, &broken);
	host_send_exec(&host, 1, &command);
	host_expect(&host, MSG_FAILED, 0);
	host_acknowledge(&host);
	CHECK_INT(host_end(&host, false), -EROFS);
}

static void end_of_all(void)
{
	struct exec_message writer = shell("echo words; exec sleep 1000");
	uint32_t numbers[2];
	struct frame frame;

	host_start_ready(&host);
	host_send_exec(&host, 1, &writer);
	host_take_stdout(&host, strlen("words\n"));
	host_send(&host, MSG_SHUTDOWN, 0);
	for (int ends = 0; ends < 2; ends++) {
		CHECK(host_receive(&host, &frame, -1));
		CHECK((frame.type == MSG_STDOUT || frame.type == MSG_STDERR) && frame.length == 0);
	}
	frame = host_expect(&host, MSG_EXITED, 1);
	CHECK_INT(numbers_parse(numbers, 2, &frame), 0);
	CHECK_INT(numbers[0], EXIT_SIGNAL);
	CHECK_INT(numbers[1], SIGKILL);
	CHECK_INT(host_expect(&host, MSG_BYE, 0).length, 0);
	host_acknowledge(&host);
	CHECK_INT(host_end(&host, false), 0);
}

/* How long the agent runs after its MSG_BYE. */
static double last_seconds(bool acknowledge)
{
	double begun;

	host_start_ready(&host);
	host.silent = true;
	host_send(&host, MSG_SHUTDOWN, 0);
	host_expect(&host, MSG_BYE, 0);
	begun = seconds();
	if (acknowledge)
		host_acknowledge(&host);
	CHECK_INT(host_end(&host, false), 0);
	return seconds() - begun;
}

/* Takes the shortest time of several tries, because this machine may be busy. */
static void end_of_nothing(void)
{
	for (int i = 0; last_seconds(true) > 0.5; i++)
		CHECK(i < 10);
}

static void end_without_acknowledgement(void)
{
	CHECK(last_seconds(false) > 0.5);
}

/* The guest ends even if the host does not take output. */
static void end_with_a_stuck_reader(void)
{
	struct exec_message endless = shell("exec cat /dev/zero");
	struct frame frame;

	host_start_ready(&host);
	host_send_exec(&host, 1, &endless);
	host_take_stdout(&host, STREAM_WINDOW);
	host_send(&host, MSG_SHUTDOWN, 0);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_BYE);
	host_acknowledge(&host);
	CHECK_INT(host_end(&host, false), 0);
}

static void late_command(void)
{
	struct exec_message exec = shell("exec cat /dev/zero");
	struct frame frame;

	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	host_take_stdout(&host, STREAM_WINDOW);
	host_send(&host, MSG_SHUTDOWN, 0);
	host_send_exec(&host, 2, &exec);
	do
		CHECK(host_receive(&host, &frame, -1));
	while (frame.type != MSG_FAILED);
	CHECK_INT(frame.stream, 2);
	CHECK_INT(frame.payload[0], ESHUTDOWN);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

static void lost_connection(void)
{
	host_start(&host);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
	host_start_ready(&host);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}

/* The agent must end when it receives this instead of MSG_SETUP. */
static void check_refused(const void *bytes, size_t length)
{
	host_start(&host);
	CHECK(write(host.fd, bytes, length) == (ssize_t)length);
	CHECK_INT(host_end(&host, false), length >= 4 && !memcmp(bytes, "\1\0\x20\0", 4) ? -EMSGSIZE : -EPROTO);
}

static void broken_frames(void)
{
	check_refused("\1\0\x20\0\3\0\0\0\1\0\0\0", 12);        /* over the limit */
	check_refused("\0\0\0\0\x0a\0\0\0\0\0\0\0", 12);        /* an unknown type */
	check_refused("\0\0\0\0\x09\0\0\0\0\0\0\0", 12);        /* MSG_CLOCK without a clock */
	check_refused("\x0c\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24); /* a clock before the setup */
	check_refused("\0\0\0\0\x20\0\0\0\0\0\0\0", 12);        /* a message of the guest */
	check_refused("\0\0\0\0\1\0\0\0\0\0\0\0", 12);          /* an empty setup */
	check_refused("\0\0\0\0\1\0\0\0\1\0\0\0", 12);          /* a setup on a stream */
	check_refused("\0\0\0\0\x08\0\0\0\0\0\0\0", 12);        /* a shutdown before the setup */
	check_refused("\3\0\0\0\7\0\0\0\0\0\0\0abc", 15);       /* a short number */
	check_refused("\4\0\0\0\5\0\0\0\1\0\0\0\0\0\0\0", 16);  /* signal 0 */
	check_refused("\4\0\0\0\5\0\0\0\1\0\0\0\x41\0\0\0", 16); /* signal 65 */
	check_refused("\x08\0\0\0\6\0\0\0\1\0\0\0\3\0\0\0\0\0\0\0", 20); /* credit for an unknown channel */
}

static void wrong_order(void)
{
	struct exec_message exec = shell("sleep 1000");
	const struct setup_message setup = { .hostname = "", .rootfs = "" };

	host_start(&host);
	host_send_exec(&host, 1, &exec); /* before the setup */
	CHECK_INT(host_end(&host, false), -EPROTO);

	host_start_ready(&host);
	host_send_setup(&host, &setup); /* a second time */
	CHECK_INT(host_end(&host, false), -EPROTO);

	host_start_ready(&host);
	host_send_exec(&host, 0, &exec); /* on the connection's own stream */
	CHECK_INT(host_end(&host, false), -EPROTO);

	host_start_ready(&host);
	host_send_exec(&host, 1, &exec);
	host_expect(&host, MSG_STARTED, 1);
	host_send_exec(&host, 1, &exec); /* on a stream in use */
	CHECK_INT(host_end(&host, false), -EPROTO);
}

/* Messages for a command that has ended are no error: the host may not know yet. */
static void unknown_streams(void)
{
	host_start_ready(&host);
	host_send_bytes(&host, MSG_STDIN, 5, "x", 1);
	host_send_numbers(&host, MSG_RESIZE, 5, 2, 1, 1);
	host_send_numbers(&host, MSG_SIGNAL, 5, 1, SIGTERM, 0);
	host_send_numbers(&host, MSG_CREDIT, 5, 2, CHANNEL_STDOUT, UINT32_MAX);
	host_send_bytes(&host, MSG_CLOCK, 0, "\0\0\0\0\0\0\0\0\1\0\0\0", 12);
	host_send(&host, MSG_SHUTDOWN, 0);
	host_expect(&host, MSG_BYE, 0);
	host_acknowledge(&host);
	CHECK_INT(host_end(&host, false), 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "the agent reports a failed setup and ends", failed_setup },
		{ "the agent reports a preparation that failed before MSG_SETUP, and ends", failed_preparation },
		{ "a command sent right after MSG_SETUP starts once the setup succeeds", command_behind_setup },
		{ "MSG_SHUTDOWN kills all commands, reports their exits, and is answered with MSG_BYE", end_of_all },
		{ "MSG_SHUTDOWN without commands ends the agent once MSG_BYE is acknowledged", end_of_nothing },
		{ "MSG_SHUTDOWN ends the agent even if MSG_BYE is not acknowledged", end_without_acknowledgement },
		{ "MSG_SHUTDOWN ends the agent even if the host does not take output", end_with_a_stuck_reader },
		{ "a command after MSG_SHUTDOWN is refused", late_command },
		{ "a lost connection ends the agent", lost_connection },
		{ "broken frames end the agent", broken_frames },
		{ "messages out of order end the agent", wrong_order },
		{ "messages for unknown streams are ignored", unknown_streams },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
