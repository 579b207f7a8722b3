#include "host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/agent.h"
#include "host_message.h"
#include "setup/machine.h"
#include "test.h"

static struct host_message message;

static void send_message(struct host *host)
{
	for (size_t sent = 0; sent < message.length;) {
		ssize_t count = send(host->fd, message.bytes + sent, message.length - sent, MSG_NOSIGNAL);

		CHECK(count > 0);
		sent += (size_t)count;
	}
}

void host_send(struct host *host, uint32_t type, uint32_t stream)
{
	host_send_bytes(host, type, stream, "", 0);
}

void host_send_bytes(struct host *host, uint32_t type, uint32_t stream, const void *bytes, size_t length)
{
	host_message_begin(&message, type, stream);
	host_message_bytes(&message, bytes, length);
	send_message(host);
}

void host_send_numbers(struct host *host, uint32_t type, uint32_t stream, uint32_t count, uint32_t first,
		       uint32_t second)
{
	host_message_begin(&message, type, stream);
	host_message_u32(&message, first);
	if (count > 1)
		host_message_u32(&message, second);
	send_message(host);
}

void host_send_setup(struct host *host, const struct setup_message *setup)
{
	host_message_setup(&message, setup);
	send_message(host);
}

void host_send_exec(struct host *host, uint32_t stream, const struct exec_message *exec)
{
	host_message_exec(&message, stream, exec);
	send_message(host);
}

void host_acknowledge(struct host *host)
{
	if (host->unacknowledged > 0)
		host_send_numbers(host, MSG_ACK, 0, 1, host->unacknowledged, 0);
	host->unacknowledged = 0;
}

bool host_receive(struct host *host, struct frame *frame, int timeout_ms)
{
	int result;

	while ((result = decoder_feed(&host->decoder, &host->data, &host->left, frame)) == 0) {
		struct pollfd waited = { .fd = host->fd, .events = POLLIN };

		if (poll(&waited, 1, timeout_ms) == 0)
			return false;

		ssize_t count = read(host->fd, host->buffer, sizeof(host->buffer));

		if (count <= 0)
			return false;
		host->data = host->buffer;
		host->left = (size_t)count;
		host->unacknowledged += (uint32_t)count;
		CHECK(host->unacknowledged <= CONNECTION_WINDOW);
		if (host->unacknowledged >= ACK_EVERY && !host->silent)
			host_acknowledge(host);
	}
	CHECK_INT(result, 1);
	return true;
}

struct frame host_expect(struct host *host, uint32_t type, uint32_t stream)
{
	struct frame frame;

	CHECK(host_receive(host, &frame, -1));
	CHECK_INT(frame.type, type);
	CHECK_INT(frame.stream, stream);
	return frame;
}

void host_take_stdout(struct host *host, size_t bytes)
{
	struct frame frame;

	while (bytes > 0) {
		CHECK(host_receive(host, &frame, -1));
		if (frame.type == MSG_STARTED)
			continue;
		CHECK_INT(frame.type, MSG_STDOUT);
		CHECK(frame.length <= bytes);
		bytes -= frame.length;
	}
}

void host_start(struct host *host)
{
	int ends[2];
	uint32_t version;

	memset(host, 0, sizeof(*host));
	host->decoder.max_payload = GUEST_PAYLOAD_MAX;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	host->agent = fork();
	if (host->agent == 0) {
		alarm(0); /* only the test has a deadline: when it ends, the agent loses its connection */
		close(ends[0]);
		prctl(PR_SET_CHILD_SUBREAPER, 1); /* like PID 1 */

		int result = agent_run(ends[1]);

		do /* like main(); repeated, because the children of killed processes become children of the agent */
			machine_kill_all();
		while (waitpid(-1, NULL, 0) > 0);
		_exit(-result);
	}
	close(ends[1]);
	host->fd = ends[0];

	struct frame frame = host_expect(host, MSG_HELLO, 0);

	CHECK_INT(numbers_parse(&version, 1, &frame), 0);
	CHECK_INT(version, SMOLVM_PROTOCOL_VERSION);
}

void host_start_ready(struct host *host)
{
	const struct setup_message setup = { .hostname = "test", .rootfs = "/s/rootfs" };

	host_start(host);
	host_send_setup(host, &setup);
	CHECK_INT(host_expect(host, MSG_READY, 0).length, 0);
}

int host_end(struct host *host, bool close_first)
{
	int status;

	if (close_first)
		close(host->fd);
	CHECK(waitpid(host->agent, &status, 0) == host->agent);
	CHECK(WIFEXITED(status));
	if (!close_first)
		close(host->fd);
	decoder_free(&host->decoder);
	return -WEXITSTATUS(status);
}

static void append(char **bytes, size_t *length, const struct frame *frame)
{
	*bytes = realloc(*bytes, *length + frame->length + 1);
	CHECK(*bytes);
	memcpy(*bytes + *length, frame->payload, frame->length);
	*length += frame->length;
	(*bytes)[*length] = '\0';
}

/* Sends as much input as the window allows; after the last byte, ends the input once. */
static void feed(struct host *host, uint32_t stream, const char **input, size_t *left, uint32_t *credit)
{
	while (*input) {
		size_t length = *left < *credit ? *left : *credit;

		if (length == 0 && *left > 0)
			return;
		host_send_bytes(host, MSG_STDIN, stream, *input, length);
		*input = length > 0 ? *input + length : NULL;
		*left -= length;
		*credit -= (uint32_t)length;
	}
}

struct outcome host_run(struct host *host, const struct exec_message *exec, const void *input, size_t input_length)
{
	const uint32_t stream = 1;
	const char *rest = input;
	uint32_t credit = INPUT_WINDOW, number;
	struct outcome outcome = { 0 };
	struct frame frame;

	append(&outcome.out, &outcome.out_length, &(struct frame){ .payload = (uint8_t *)"" });
	append(&outcome.err, &outcome.err_length, &(struct frame){ .payload = (uint8_t *)"" });
	host_send_exec(host, stream, exec);
	while (outcome.type == 0) {
		feed(host, stream, &rest, &input_length, &credit);
		CHECK(host_receive(host, &frame, -1));
		CHECK_INT(frame.stream, stream);
		switch (frame.type) {
		case MSG_STARTED:
			break;
		case MSG_STDOUT:
		case MSG_STDERR:
			if (frame.type == MSG_STDOUT)
				append(&outcome.out, &outcome.out_length, &frame);
			else
				append(&outcome.err, &outcome.err_length, &frame);
			if (frame.length > 0)
				host_send_numbers(host, MSG_CREDIT, stream, 2,
						  frame.type == MSG_STDOUT ? CHANNEL_STDOUT : CHANNEL_STDERR,
						  frame.length);
			break;
		case MSG_STDIN_CREDIT:
			CHECK_INT(numbers_parse(&number, 1, &frame), 0);
			credit += number;
			CHECK(credit <= INPUT_WINDOW);
			break;
		case MSG_EXITED:
			CHECK_INT(numbers_parse(outcome.numbers, 2, &frame), 0);
			outcome.type = frame.type;
			break;
		default: {
			CHECK_INT(frame.type, MSG_FAILED);

			struct reader reader = reader_of(frame.payload, frame.length);

			outcome.type = frame.type;
			outcome.numbers[0] = read_u32(&reader);
			outcome.numbers[1] = read_u32(&reader);
			strncpy(outcome.text, read_str(&reader), sizeof(outcome.text) - 1);
			CHECK_INT(reader_end(&reader), 0);
		}
		}
	}
	return outcome;
}

struct exec_message shell(const char *command)
{
	static char *env[] = { "PATH=/usr/bin:/bin", NULL };
	char **argv = calloc(4, sizeof(*argv)); /* the test's process frees it */

	CHECK(argv);
	argv[0] = "sh";
	argv[1] = "-c";
	argv[2] = (char *)command;
	return (struct exec_message){ .cwd = "/", .user = "", .argv = argv, .env = env };
}

void check_shell(const char *command, const char *output)
{
	static struct host host;
	struct exec_message exec = shell(command);

	host_start_ready(&host);

	struct outcome outcome = host_run(&host, &exec, NULL, 0);

	CHECK_INT(outcome.type, MSG_EXITED);
	CHECK_TEXT(outcome.out, output);
	CHECK_INT(outcome.numbers[0], EXIT_CODE);
	CHECK_INT(outcome.numbers[1], 0);
	CHECK_INT(host_end(&host, true), -ECONNRESET);
}
