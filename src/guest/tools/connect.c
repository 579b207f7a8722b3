#include "tools/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/usage.h"

#define ADDRESS_DIGITS 32

struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length;
};

/* Looks for a listener in a table of proc(5), whose addresses are hexadecimal 32-bit words in host byte order. */
static bool find_address(const char *table, unsigned port, char address[ADDRESS_DIGITS + 1])
{
	FILE *file = fopen(table, "re");
	char line[512];
	unsigned its_port, state;
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, " %*d: %32[0-9A-F]:%4X %*[0-9A-F]:%*4X %2X", address, &its_port, &state) == 3 &&
			its_port == port && state == TCP_LISTEN;
	fclose(file);
	return found;
}

/* Finds a listener on the port at any address: a published port also reaches servers on a single address. */
static bool find_listener(unsigned port, struct endpoint *listener)
{
	char address[ADDRESS_DIGITS + 1];

	memset(listener, 0, sizeof(*listener));
	if (find_address("/proc/net/tcp", port, address)) {
		struct sockaddr_in *v4 = &listener->v4;

		sscanf(address, "%8X", &v4->sin_addr.s_addr);
		if (v4->sin_addr.s_addr == INADDR_ANY)
			v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		listener->length = sizeof(*v4);
		return true;
	}
	if (find_address("/proc/net/tcp6", port, address)) {
		struct sockaddr_in6 *v6 = &listener->v6;
		uint32_t *words = v6->sin6_addr.s6_addr32;

		sscanf(address, "%8X%8X%8X%8X", &words[0], &words[1], &words[2], &words[3]);
		if (IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
			v6->sin6_addr = in6addr_loopback;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		listener->length = sizeof(*v6);
		return true;
	}
	return false;
}

/* Connects to a listener. Returns the socket, or -errno. */
static int dial(const struct endpoint *listener)
{
	int fd = socket(listener->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, &listener->any, listener->length) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}

/* Copies until the end of `from`. */
static int copy(int from, int to)
{
	char data[16 * 1024];
	ssize_t count, written;

	while ((count = read(from, data, sizeof(data))) != 0) {
		if (count < 0)
			return -errno;
		for (ssize_t at = 0; at < count; at += written) {
			written = write(to, data + at, (size_t)(count - at));
			if (written < 0)
				return -errno;
		}
	}
	return 0;
}

/* A process for each direction, so that neither waits for the other. */
int join_streams(int peer)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0) {
		/* The host signals only the parent: the child must end with it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(STDOUT_FILENO);
		copy(STDIN_FILENO, peer);
		shutdown(peer, SHUT_WR);
		_exit(0);
	}
	close(STDIN_FILENO);

	int err = copy(peer, STDOUT_FILENO);

	/* The host may still send data, unless the connection is broken. */
	shutdown(STDOUT_FILENO, SHUT_WR);
	close(STDOUT_FILENO);
	if (!err)
		waitpid(child, NULL, 0);
	return err;
}

int connect_tool(int argc, char **argv)
{
	char *end = NULL;
	unsigned long port = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
	struct endpoint listener;

	if (port < 1 || port > UINT16_MAX || *end != '\0')
		return TOOL_USAGE;

	int peer = find_listener((unsigned)port, &listener) ? dial(&listener) : -ECONNREFUSED;
	int err = peer < 0 ? peer : join_streams(peer);

	if (err)
		fprintf(stderr, "connect %lu: %s\n", port, strerror(-err));
	return err ? 1 : 0;
}
