#include "tools/listeners.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/stand_ins.h"
#include "tools/usage.h"

/* Poll: Linux has no notification for a socket that starts to listen. */
#define POLL_MS 250
#define LIST_MAX 4096

/* The state of an unconnected UDP socket. */
#define UNCONNECTED TCP_CLOSE
/* Higher ports are ephemeral ports of clients. */
#define LAST_SERVER_PORT 32767

/* In 32-bit words in host byte order, which is little-endian. */
#define LOOPBACK "0100007F"

static struct stand_ins stand_ins;

static bool is_loopback(const char *address, bool is_v6)
{
	if (!is_v6)
		return !strcmp(address + 6, "7F");
	return !strcmp(address, "00000000000000000000000001000000") || !strncmp(address, "0000000000000000FFFF0000", 24);
}

/* The letter of a socket in the list; 0: not listed. */
static char kind_of(const char *address, unsigned port, unsigned state, bool is_v6, bool is_udp)
{
	bool is_inner = is_loopback(address, is_v6);

	if (is_udp)
		return state == UNCONNECTED && port <= LAST_SERVER_PORT && !is_inner ? 'u' : 0;
	if (state != TCP_LISTEN || (!strcmp(address, LOOPBACK) && stand_ins_have(&stand_ins, port)))
		return 0;
	return is_inner ? 'l' : is_v6 ? '6' : '4';
}

static size_t list(const char *table, char *text, size_t length)
{
	bool is_v6 = strchr(table, '6'), is_udp = strstr(table, "udp");
	FILE *file = fopen(table, "re");
	char line[512], address[33];
	unsigned port, state;

	if (!file)
		return length; /* The kernel has no IPv6. */
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*d: %32[0-9A-F]:%4X %*[0-9A-F]:%*4X %2X", address, &port, &state) != 3)
			continue;

		char kind = kind_of(address, port, state, is_v6, is_udp);

		if (kind && length <= LIST_MAX - 16)
			length += (size_t)sprintf(text + length, "%c %u\n", kind, port);
	}
	fclose(file);
	return length;
}

/* Prints the list if it has changed. Returns false when the output is closed. */
static bool tell(void)
{
	static char known[LIST_MAX] = "none";
	char now[LIST_MAX];
	size_t length = list("/proc/net/tcp", now, 0);

	length = list("/proc/net/tcp6", now, length);
	length = list("/proc/net/udp", now, length);
	length = list("/proc/net/udp6", now, length);
	now[length] = '\0';
	if (!strcmp(now, known))
		return true;
	strcpy(known, now);
	return printf("%s\n", now) >= 0 && fflush(stdout) == 0;
}

/* Reads available input and handles complete lines. Returns whether there may be more input. */
static bool take_ports(void)
{
	static char text[LIST_MAX];
	static size_t length;
	ssize_t count = read(STDIN_FILENO, text + length, sizeof(text) - 1 - length);
	char *end;

	if (count <= 0)
		return false;
	length += (size_t)count;
	text[length] = '\0';
	while ((end = strchr(text, '\n'))) {
		*end++ = '\0';
		stand_ins_set(&stand_ins, text);
		length -= (size_t)(end - text);
		memmove(text, end, length + 1);
	}
	/* The host never writes a line this long. */
	return length < sizeof(text) - 1;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int listeners_tool(int argc, char **argv)
{
	struct pollfd fds[STAND_INS_MAX + 1] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	struct in_addr host;
	long long next = now_ms();

	if (argc != 2 || inet_pton(AF_INET, argv[1], &host) != 1)
		return TOOL_USAGE;
	/* The kernel reaps the processes of connections. */
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		long long wait = next - now_ms();

		if (wait <= 0) {
			if (!tell())
				return 0;
			next = now_ms() + POLL_MS;
			continue;
		}
		memcpy(fds + 1, stand_ins.listeners, stand_ins.count * sizeof(*fds));
		if (poll(fds, stand_ins.count + 1, (int)wait) <= 0)
			continue;
		memcpy(stand_ins.listeners, fds + 1, stand_ins.count * sizeof(*fds));
		stand_ins_serve(&stand_ins, host);
		if (fds[0].revents && !take_ports())
			fds[0].fd = -1;
	}
}
