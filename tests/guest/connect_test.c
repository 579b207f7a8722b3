#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/connect.h"
#include "test.h"
#include "base/transfer.h"

#define LARGE (1024 * 1024)

/* The server of a test, the tool, and the test's ends of the tool's input and output. */
static struct {
	int listener;
	int peer;
	pid_t tool;
	int input, output;
} t;

static char address_text[16]; /* the address of the last take_port() */

/* Binds a free port of an address; the caller must listen on it. */
static void take_port(const char *address)
{
	struct sockaddr_in6 any = { .sin6_family = strchr(address, ':') ? AF_INET6 : AF_INET };
	socklen_t length = any.sin6_family == AF_INET6 ? sizeof(any) : sizeof(struct sockaddr_in);
	void *its_address = any.sin6_family == AF_INET6 ? (void *)&any.sin6_addr :
							  (void *)&((struct sockaddr_in *)&any)->sin_addr;

	t.listener = socket(any.sin6_family, SOCK_STREAM, 0);
	CHECK(t.listener >= 0 && inet_pton(any.sin6_family, address, its_address) == 1);
	CHECK(bind(t.listener, (struct sockaddr *)&any, length) == 0);
	CHECK(getsockname(t.listener, (struct sockaddr *)&any, &length) == 0);
	snprintf(address_text, sizeof(address_text), "%u", ntohs(any.sin6_port));
}

static void start_tool(void)
{
	int input[2], output[2];
	char *argv[] = { "connect", address_text, NULL };

	CHECK(pipe(input) == 0 && pipe(output) == 0);
	t.tool = fork();
	CHECK(t.tool >= 0);
	if (t.tool == 0) {
		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		freopen("/dev/null", "w", stderr);
		for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
			close(fd);
		_exit(connect_tool(2, argv));
	}
	close(input[0]);
	close(output[1]);
	t.input = input[1];
	t.output = output[0];
}

/* Connects the tool to a server at that address. */
static void begin(const char *address)
{
	take_port(address);
	CHECK(listen(t.listener, 1) == 0);
	start_tool();
	t.peer = accept(t.listener, NULL, NULL);
	CHECK(t.peer >= 0);
}

static int exit_code(void)
{
	int status;

	CHECK(waitpid(t.tool, &status, 0) == t.tool && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Reads to the end. */
static void check_read(int fd, const char *expected)
{
	char text[64];
	ssize_t count = read_all(fd, text, sizeof(text) - 1);

	CHECK(count >= 0);
	text[count] = '\0';
	CHECK_TEXT(text, expected);
}

static void say(int fd, const char *text)
{
	CHECK(write_all(fd, text, strlen(text)) == 0);
}

static void end_of_input_first(void)
{
	begin("127.0.0.1");
	say(t.input, "request");
	close(t.input);
	check_read(t.peer, "request");
	say(t.peer, "answer");
	close(t.peer);
	check_read(t.output, "answer");
	CHECK_INT(exit_code(), 0);
}

static void end_of_output_first(void)
{
	begin("127.0.0.1");
	say(t.peer, "greeting");
	shutdown(t.peer, SHUT_WR);
	check_read(t.output, "greeting");
	say(t.input, "still here");
	close(t.input);
	check_read(t.peer, "still here");
	CHECK_INT(exit_code(), 0);
}

static void both_directions_at_once(void)
{
	static char sent[LARGE], received[LARGE];
	pid_t echo, source;

	for (size_t i = 0; i < LARGE; i++)
		sent[i] = (char)(i * 31 ^ i >> 8);
	begin("127.0.0.1");
	echo = fork();
	if (echo == 0) {
		/* Reads all data before it writes any back. */
		CHECK(read_all(t.peer, received, LARGE) == LARGE && write_all(t.peer, received, LARGE) == 0);
		_exit(0);
	}
	close(t.peer);
	source = fork();
	if (source == 0) {
		CHECK(write_all(t.input, sent, LARGE) == 0);
		_exit(0);
	}
	close(t.input);
	CHECK_INT(read_all(t.output, received, LARGE), LARGE);
	CHECK(memcmp(sent, received, LARGE) == 0);
	CHECK_INT(exit_code(), 0);
}

/* Neither direction may wait for the other: this server reads nothing until its own data has arrived. */
static void a_server_that_does_not_read(void)
{
	static char data[LARGE];
	pid_t source;

	begin("127.0.0.1");
	source = fork();
	if (source == 0) {
		write_all(t.input, data, LARGE);
		_exit(0);
	}
	close(t.input);
	usleep(100000);
	say(t.peer, "hear me");
	shutdown(t.peer, SHUT_WR);
	check_read(t.output, "hear me");
	CHECK_INT(read_all(t.peer, data, LARGE), LARGE);
	close(t.peer);
	CHECK_INT(exit_code(), 0);
}

static void every_address(void)
{
	const char *const addresses[] = { "127.0.0.1", "127.0.1.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1" };

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		begin(addresses[i]);
		close(t.input);
		say(t.peer, addresses[i]);
		close(t.peer);
		check_read(t.output, addresses[i]);
		CHECK_INT(exit_code(), 0);
		close(t.listener);
	}
}

static void nobody_there(void)
{
	take_port("127.0.0.1");
	start_tool();
	check_read(t.output, "");
	CHECK_INT(exit_code(), 1);
}

/* The tool has a child that also holds the connection. */
static void gone_with_its_first_process(void)
{
	char byte;

	begin("127.0.0.1");
	say(t.input, "x");
	CHECK(read(t.peer, &byte, 1) == 1);
	kill(t.tool, SIGPIPE);
	CHECK(read(t.peer, &byte, 1) <= 0);
}

static void a_connection_that_breaks(void)
{
	const struct linger at_once = { .l_onoff = 1 };

	begin("127.0.0.1");
	CHECK(setsockopt(t.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
	close(t.peer);
	check_read(t.output, "");
	CHECK_INT(exit_code(), 1);
}

static void what_is_no_port(void)
{
	const char *const ports[] = { "", "0", "65536", "80a", "-1", "http" };

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		char *argv[] = { "connect", (char *)ports[i], NULL };

		CHECK_INT(connect_tool(2, argv), 2);
	}
	CHECK_INT(connect_tool(1, (char *[]){ "connect", NULL }), 2);
}

int main(void)
{
	static const struct test tests[] = {
		{ "connect forwards the end of its input, and then the answer", end_of_input_first },
		{ "connect forwards the end of the server's output, and then its own input", end_of_output_first },
		{ "connect carries a lot of data in both directions", both_directions_at_once },
		{ "connect does not make one direction wait for the other", a_server_that_does_not_read },
		{ "connect finds a server on any address", every_address },
		{ "connect reports that no server listens", nobody_there },
		{ "connect ends both of its processes when the first one is killed", gone_with_its_first_process },
		{ "connect ends when the connection breaks", a_connection_that_breaks },
		{ "connect accepts ports from 1 to 65535", what_is_no_port },
	};

	return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
