#include "tools/stand_ins.h"

#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/connect.h"

#define BACKLOG 128

static struct sockaddr_in endpoint(in_addr_t address, in_port_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = address, .sin_port = htons(port) };
}

static int listen_at(in_port_t port)
{
	struct sockaddr_in at = endpoint(htonl(INADDR_LOOPBACK), port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	/* Bind the port even if recently closed connections still use it. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static size_t parse(const char *text, in_port_t *ports)
{
	size_t count = 0;
	char *end;

	for (; count < STAND_INS_MAX; text = end) {
		unsigned long port = strtoul(text, &end, 10);

		if (end == text)
			break;
		if (port > 0 && port <= UINT16_MAX)
			ports[count++] = (in_port_t)port;
	}
	return count;
}

static bool contains(const in_port_t *ports, size_t count, unsigned port)
{
	for (size_t at = 0; at < count; at++) {
		if (ports[at] == port)
			return true;
	}
	return false;
}

bool stand_ins_have(const struct stand_ins *set, unsigned port)
{
	return contains(set->ports, set->count, port);
}

void stand_ins_set(struct stand_ins *set, const char *text)
{
	in_port_t wanted[STAND_INS_MAX];
	size_t count = parse(text, wanted), kept = 0;

	for (size_t at = 0; at < set->count; at++) {
		if (!contains(wanted, count, set->ports[at])) {
			close(set->listeners[at].fd);
			continue;
		}
		set->ports[kept] = set->ports[at];
		set->listeners[kept++] = set->listeners[at];
	}
	set->count = kept;
	for (size_t at = 0; at < count && set->count < STAND_INS_MAX; at++) {
		int fd = stand_ins_have(set, wanted[at]) ? -1 : listen_at(wanted[at]);

		if (fd < 0)
			continue;
		set->ports[set->count] = wanted[at];
		set->listeners[set->count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
}

/* Connects a client to a port of the host; does not return. */
static void carry(int client, in_addr_t host, in_port_t port)
{
	struct sockaddr_in at = endpoint(host, port);
	int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (peer < 0 || connect(peer, (struct sockaddr *)&at, sizeof(at)) < 0)
		_exit(1);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	dup2(client, STDIN_FILENO);
	dup2(client, STDOUT_FILENO);
	close(client);
	_exit(join_streams(peer) ? 1 : 0);
}

void stand_ins_serve(const struct stand_ins *set, struct in_addr host)
{
	for (size_t at = 0; at < set->count; at++) {
		int client = set->listeners[at].revents ? accept4(set->listeners[at].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

		if (client < 0)
			continue;
		if (fork() == 0) {
			/* Close the listeners: otherwise a port would stay in use until its connections end. */
			for (size_t other = 0; other < set->count; other++)
				close(set->listeners[other].fd);
			carry(client, host.s_addr, set->ports[at]);
		}
		close(client);
	}
}
