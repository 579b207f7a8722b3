#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/listeners.h"
#include "test.h"
#include "base/transfer.h"

#define HOST "127.0.0.2"
#define TRIES 500

/* The tool, and the test's ends of its input and output. */
static struct {
	pid_t tool;
	int input, output;
} t;

static struct sockaddr_in address(const char *text, unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	CHECK(inet_pton(AF_INET, text, &in.sin_addr) == 1);
	return in;
}

/* Returns a listener, or -errno. */
static int serve(const char *text, unsigned port)
{
	struct sockaddr_in in = address(text, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0);
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 8) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int dial(unsigned port)
{
	struct sockaddr_in in = address("127.0.0.1", port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Connects repeatedly, until that succeeds or, with `succeeds` false, until it fails. */
static int dial_until(unsigned port, bool succeeds)
{
	for (int tries = 0; tries < TRIES; tries++, usleep(10000)) {
		int fd = dial(port);

		if ((fd >= 0) == succeeds)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	CHECK(!"the port did not change in time");
	return -1;
}

static void begin(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int input[2], output[2], control;

	CHECK(unshare(CLONE_NEWNET) == 0);
	control = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(control >= 0 && ioctl(control, SIOCSIFFLAGS, &up) == 0);
	close(control);
	CHECK(pipe(input) == 0 && pipe(output) == 0);
	t.tool = fork();
	CHECK(t.tool >= 0);
	if (t.tool == 0) {
		char *argv[] = { "listeners", HOST, NULL };

		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
			close(fd);
		_exit(listeners_tool(2, argv));
	}
	close(input[0]);
	close(output[1]);
	t.input = input[1];
	t.output = output[0];
}

static void end(void)
{
	kill(t.tool, SIGTERM);
	CHECK(waitpid(t.tool, NULL, 0) == t.tool);
	close(t.input);
	close(t.output);
}

static void check_list(const char *expected)
{
	char text[256] = "";
	size_t length = 0;

	while (strcmp(text, "\n") && (length < 2 || strcmp(text + length - 2, "\n\n"))) {
		CHECK(length < sizeof(text) - 1 && read(t.output, text + length, 1) == 1);
		text[++length] = '\0';
	}
	CHECK_TEXT(text, expected);
}

static void tell(const char *ports)
{
	CHECK(write_all(t.input, ports, strlen(ports)) == 0);
}

static void every_change(void)
{
	begin();
	check_list("\n");

	int all = serve("0.0.0.0", 80);

	check_list("4 80\n\n");

	int inner = serve("127.0.0.1", 81);

	close(all);
	check_list("l 81\n\n");
	close(inner);
	check_list("\n");

	struct sockaddr_in in = address("0.0.0.0", 53);
	int datagrams = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK(datagrams >= 0 && bind(datagrams, (struct sockaddr *)&in, sizeof(in)) == 0);
	check_list("u 53\n\n");
	/* A connected UDP socket is a client. */
	in = address("127.0.0.1", 5353);
	CHECK(connect(datagrams, (struct sockaddr *)&in, sizeof(in)) == 0);
	check_list("\n");
	close(datagrams);
	end();
}

static void servers_elsewhere(void)
{
	char text[16];

	begin();
	check_list("\n");

	int server = serve(HOST, 90);

	check_list("l 90\n\n");
	tell("90\n");

	int client = dial_until(90, true);
	int peer = accept(server, NULL, NULL);

	CHECK(peer >= 0 && write_all(client, "request", 7) == 0 && shutdown(client, SHUT_WR) == 0);
	CHECK_INT(read_all(peer, text, sizeof(text)), 7);
	CHECK(write_all(peer, "answer", 6) == 0);
	close(peer);
	CHECK_INT(read_all(client, text, sizeof(text)), 6);
	close(client);

	/* A connection does not keep the port in use. */
	client = dial(90);
	peer = accept(server, NULL, NULL);
	CHECK(client >= 0 && peer >= 0);
	tell("80 70000 x\n");
	dial_until(90, false);

	int own = serve("0.0.0.0", 80);

	CHECK_INT(own, -EADDRINUSE);
	close(server);
	/* Stand-ins are not listed. */
	check_list("\n");
	CHECK(write_all(client, "x", 1) == 0 && read(peer, text, 1) == 1);
	close(client);
	close(peer);
	end();
}

static void own_servers_first(void)
{
	begin();
	check_list("\n");

	int own = serve("0.0.0.0", 80);

	check_list("4 80\n\n");
	tell("80\n");
	/* Once port 90 answers, the tool has handled the first line too. */
	tell("80 90\n");
	close(dial_until(90, true));
	close(own);
	check_list("\n");
	tell("80\n");
	close(dial_until(80, true));
	end();
}

static void no_host(void)
{
	CHECK_INT(listeners_tool(1, (char *[]){ "listeners", NULL }), 2);
	CHECK_INT(listeners_tool(2, (char *[]){ "listeners", "localhost", NULL }), 2);
}

int main(void)
{
	static const struct test tests[] = {
		{ "listeners lists the servers of the guest after each change", every_change },
		{ "listeners forwards ports of servers elsewhere while it is told to", servers_elsewhere },
		{ "listeners does not take a port from a server in the guest", own_servers_first },
		{ "listeners requires an address", no_host },
	};

	return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
