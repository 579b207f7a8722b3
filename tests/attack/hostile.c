/*
 * hostile ACTION [ARGUMENT...]: attacks that a shell in a guest cannot do. Prints lines "hostile: ACTION: RESULT".
 *
 *   vsock PORT          connects to PORT (the agent's) and other ports, of all machines that might exist
 *   network PORT        asks the VM's process for a connection to 127.0.0.1:PORT, even if the guest has no network
 *   capability FILE     gives a program a capability
 *   set-uid FILE        tries all ways to create FILE such that all users execute it with its owner's rights
 *   descriptors FILE N  opens FILE N times
 *   exit-code N         sets the exit code of the VM's process
 *   agent               writes garbage on the agent's connection
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/vm_sockets.h>

#define SYS_PIDFD_OPEN 434
#define SYS_PIDFD_GETFD 438
#define DIAL_S 1
#define RESET_S 5
#define TSI_CREATE 1024
#define TSI_CONNECT 1025
#define SETTLE_US 500000

static void tell(const char *action, const char *detail, int err)
{
	printf("hostile: %s%s%s: %s\n", action, *detail ? " " : "", detail, err ? strerrorname_np(err) : "ok");
	fflush(stdout);
}

static int failed(long result)
{
	return result < 0 ? errno : 0;
}

static int dial(uint32_t cid, uint32_t port)
{
	const struct timeval patience = { .tv_sec = DIAL_S }, reset = { .tv_sec = RESET_S };
	const struct sockaddr_vm to = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience));

	int err = failed(connect(fd, (const struct sockaddr *)&to, sizeof(to)));
	char byte;

	/* Count a connection that is reset at once, because no process accepts it, as a failure. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &reset, sizeof(reset));
	if (!err && recv(fd, &byte, 1, 0) <= 0 && errno != EAGAIN)
		err = ECONNRESET;
	close(fd);
	return err;
}

static void try_vsock(uint32_t agent_port)
{
	static const uint32_t cids[] = { VMADDR_CID_LOCAL, VMADDR_CID_HOST, 4 };
	const uint32_t ports[] = { agent_port, agent_port + 1, TSI_CREATE };

	for (size_t i = 0; i < sizeof(cids) / sizeof(*cids); i++)
		for (size_t j = 0; j < sizeof(ports) / sizeof(*ports); j++) {
			char detail[32];

			snprintf(detail, sizeof(detail), "%u:%u", cids[i], ports[j]);
			tell("vsock", detail, dial(cids[i], ports[j]));
		}
}

/* libkrun's own protocol: creates a proxy for a socket and tells it to connect. */
static void try_network(uint16_t port)
{
	struct sockaddr_vm own = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY };
	struct sockaddr_vm to = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = TSI_CREATE };
	struct {
		uint32_t port;
		uint16_t family, type;
	} create = { 77, AF_INET, SOCK_STREAM };
	struct {
		uint32_t port, length;
		struct sockaddr_in address;
	} request = { 77, sizeof(struct sockaddr_in), { .sin_family = AF_INET, .sin_port = htons(port) } };
	int fd = socket(AF_VSOCK, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) < 0 ||
	    sendto(fd, &create, sizeof(create), 0, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		tell("network", "", errno);
		return;
	}
	to.svm_port = TSI_CONNECT;
	tell("network", "", failed(sendto(fd, &request, sizeof(request), 0, (const struct sockaddr *)&to, sizeof(to))));
	usleep(SETTLE_US);
	close(fd);
}

static void try_capability(const char *file)
{
	struct vfs_cap_data data = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE };

	data.data[0].permitted = 1U << CAP_DAC_OVERRIDE;
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
	tell("capability", "", failed(setxattr(file, "security.capability", &data, XATTR_CAPS_SZ_2, 0)));
}

static void try_set_uid(const char *file)
{
	int fd = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 04755);

	tell("set-uid", "open", failed(fd));
	close(fd);
	unlink(file);
	tell("set-uid", "mknod", failed(mknod(file, S_IFREG | 04755, 0)));
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
	tell("set-uid", "chmod", failed(chmod(file, 04755)));
	tell("set-uid", "chmod group", failed(chmod(file, 02755)));
	fd = open(file, O_RDWR | O_CLOEXEC);
	tell("set-uid", "fchmod", failed(fchmod(fd, 06755)));
	close(fd);
}

static void try_descriptors(const char *file, int count)
{
	int opened = 0, err = 0;

	for (; opened < count && !err; opened += !err)
		err = failed(open(file, O_RDONLY | O_CLOEXEC));
	tell("descriptors", "", err);
}

static void try_agent(void)
{
	static const char garbage[65536] = { 1, 2, 3 };
	int agent = (int)syscall(SYS_PIDFD_OPEN, 1, 0);

	for (int fd = 0; agent >= 0 && fd < 64; fd++) {
		int copy = (int)syscall(SYS_PIDFD_GETFD, agent, fd, 0), family = 0;
		socklen_t size = sizeof(family);

		if (copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == AF_VSOCK) {
			tell("agent", "", failed(send(copy, garbage, sizeof(garbage), 0)));
			return;
		}
	}
	tell("agent", "", agent < 0 ? errno : ENOENT);
}

int main(int argc, char **argv)
{
	const char *action = argc > 1 ? argv[1] : "", *argument = argc > 2 ? argv[2] : "";

	if (!strcmp(action, "vsock"))
		try_vsock((uint32_t)atoi(argument));
	else if (!strcmp(action, "network"))
		try_network((uint16_t)atoi(argument));
	else if (!strcmp(action, "capability"))
		try_capability(argument);
	else if (!strcmp(action, "set-uid"))
		try_set_uid(argument);
	else if (!strcmp(action, "descriptors") && argc > 3)
		try_descriptors(argument, atoi(argv[3]));
	else if (!strcmp(action, "exit-code"))
		tell(action, "", failed(ioctl(open("/", O_RDONLY | O_CLOEXEC), 0x7602, atoi(argument))));
	else if (!strcmp(action, "agent"))
		try_agent();
	else
		return 2;
	return 0;
}
