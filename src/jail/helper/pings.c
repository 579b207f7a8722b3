#include "jail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Sends the pings of a guest, because the gateway runs in Deno, which has no ICMP sockets. The host determines which
 * users may open ICMP sockets (net.ipv4.ping_group_range). The kernel allows such a socket to send only echo requests,
 * and to receive only the answers to its own requests.
 *
 * The gateway and this process exchange frames over one connection: the length of the rest as 4 bytes, big-endian, an
 * address as 16 bytes (IPv4 as ::ffff:a.b.c.d), and an ICMP or ICMPv6 message, as in src/network/pings.ts.
 */
#define ADDRESS_BYTES 16
#define MOST_BYTES 65536

struct frame {
	uint32_t length;
	uint8_t address[ADDRESS_BYTES];
	uint8_t message[MOST_BYTES];
} __attribute__((packed));

enum { CONNECTION, LIFELINE, PING, PING6, POLLS };

static pid_t pings = -1; /* the process that sends pings */

static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* From here on this process can only send and receive, even if a malicious frame takes it over. */
static bool seal(void)
{
	static const int calls[] = {
#ifdef SYS_poll
		SYS_poll,
#endif
		SYS_ppoll, SYS_recvfrom, SYS_sendto, SYS_exit_group, SYS_restart_syscall,
	};
	enum { COUNT = sizeof calls / sizeof *calls };
	struct sock_filter filter[COUNT + 6] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	for (int i = 0; i < COUNT; i++)
		filter[4 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], COUNT - i, 0);
	filter[COUNT + 4] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	filter[COUNT + 5] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = COUNT + 6, .filter = filter};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool receive_all(int fd, void *into, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t count = recv(fd, (char *)into + have, size - have, 0);
		if (count <= 0)
			return false;
		have += count;
	}
	return true;
}

static bool send_all(int fd, const void *from, size_t size)
{
	for (size_t sent = 0; sent < size;) {
		ssize_t count = send(fd, (const char *)from + sent, size - sent, MSG_NOSIGNAL);
		if (count <= 0)
			return false;
		sent += count;
	}
	return true;
}

/* Sends a ping. If sendto() fails, the ping is lost, as any ping may be. False at the end of the connection. */
static bool send_ping(const struct pollfd *polls)
{
	static struct frame frame;
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	if (!receive_all(polls[CONNECTION].fd, &frame.length, sizeof frame.length))
		return false;
	size_t length = ntohl(frame.length);
	if (length < ADDRESS_BYTES || length > sizeof frame - sizeof frame.length)
		return false;
	if (!receive_all(polls[CONNECTION].fd, frame.address, length))
		return false;
	length -= ADDRESS_BYTES;
	if (!memcmp(frame.address, MAPPED, sizeof MAPPED)) {
		memcpy(&to.sin_addr, frame.address + sizeof MAPPED, sizeof to.sin_addr);
		sendto(polls[PING].fd, frame.message, length, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
	} else {
		memcpy(&to6.sin6_addr, frame.address, ADDRESS_BYTES);
		sendto(polls[PING6].fd, frame.message, length, MSG_DONTWAIT, (struct sockaddr *)&to6, sizeof to6);
	}
	return true;
}

/* Forwards an answer to the gateway. False at the end of the connection. */
static bool pass_answer(const struct pollfd *polls, int which)
{
	static struct frame frame;
	struct sockaddr_in6 from = {0};
	socklen_t size = sizeof from;
	ssize_t count = recvfrom(polls[which].fd, frame.message, sizeof frame.message, MSG_DONTWAIT,
				 (struct sockaddr *)&from, &size);
	if (count < 0)
		return true; /* An error that a router reported. */
	if (which == PING) {
		memcpy(frame.address, MAPPED, sizeof MAPPED);
		memcpy(frame.address + sizeof MAPPED, &((struct sockaddr_in *)&from)->sin_addr, sizeof(struct in_addr));
	} else
		memcpy(frame.address, &from.sin6_addr, ADDRESS_BYTES);
	frame.length = htonl(ADDRESS_BYTES + count);
	return send_all(polls[CONNECTION].fd, &frame, sizeof frame.length + ADDRESS_BYTES + count);
}

static void serve(const char *path, struct pollfd *polls)
{
	if (poll(polls, LIFELINE + 1, -1) < 0 || polls[LIFELINE].revents)
		return;
	/* Accept only one connection: the gateway's. */
	int connection = accept4(polls[CONNECTION].fd, NULL, NULL, SOCK_CLOEXEC);
	unlink(path);
	close(polls[CONNECTION].fd);
	polls[CONNECTION].fd = connection;
	if (connection < 0 || !seal())
		return;
	for (;;) {
		if (poll(polls, POLLS, -1) < 0 && errno != EINTR)
			return;
		if (polls[LIFELINE].revents || (polls[CONNECTION].revents && !send_ping(polls)))
			return;
		if ((polls[PING].revents && !pass_answer(polls, PING)) || (polls[PING6].revents && !pass_answer(polls, PING6)))
			return;
	}
}

/* Moves these descriptors to the lowest numbers, and closes all others. */
static void keep_only(struct pollfd *polls)
{
	for (int i = 0; i < POLLS; i++)
		polls[i].fd = fcntl(polls[i].fd, F_DUPFD, POLLS);
	for (int i = 0; i < POLLS; i++) {
		/* Close it even if nothing takes its place: other processes wait for the end of a pipe. */
		close(i);
		polls[i].fd = dup2(polls[i].fd, i);
	}
	syscall(SYS_close_range, POLLS, ~0U, 0);
}

void start_pings(const char *path, int lifeline_fd)
{
	struct pollfd polls[POLLS] = {
		[CONNECTION] = {.events = POLLIN},
		[LIFELINE] = {.fd = lifeline_fd},
		[PING] = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP), .events = POLLIN},
		[PING6] = {.fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMPV6), .events = POLLIN},
	};
	/* Before the gateway starts: it checks for this socket to see whether pings are available. */
	polls[CONNECTION].fd = polls[PING].fd < 0 && polls[PING6].fd < 0 ? -1 : listen_at(path);
	if (polls[CONNECTION].fd >= 0)
		pings = fork();
	if (pings == 0) {
		if (lifeline_fd >= 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		keep_only(polls);
		serve(path, polls);
		_exit(0);
	}
	for (int i = 0; i < POLLS; i++)
		if (i != LIFELINE && polls[i].fd >= 0)
			close(polls[i].fd);
}

void end_pings(void)
{
	if (pings <= 0)
		return;
	kill(pings, SIGKILL);
	while (waitpid(pings, NULL, 0) < 0 && errno == EINTR)
		;
	pings = -1;
}
