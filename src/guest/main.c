/*
 * smolvm's guest agent: the init (PID 1) of the guest. It connects to the host, speaks the protocol of protocol.h, and
 * in every case ends the VM with a reboot. Its output goes to the machine's kernel log. With arguments it is one of the
 * tools of tool.h, which may also run as PID 1 of a namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vm_sockets.h> /* needs sys/socket.h before it */

#include "loop/agent.h"
#include "setup/init.h"
#include "setup/machine.h"
#include "tools/tool.h"

/* The host enforces its own deadline. The kernel's default of two seconds is too short for a host under load. */
#define DIAL_SECONDS 3600
/* Time for the host to read the last console output. */
#define LAST_WORDS_US 200000

static int dial_host(void)
{
	const struct timeval patience = { .tv_sec = DIAL_SECONDS };
	const struct sockaddr_vm host = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_HOST,
		.svm_port = SMOLVM_PORT,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (const struct sockaddr *)&host, sizeof(host)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Commands get their streams by dup2() to 0, 1 and 2: no other file may get these descriptors. */
static int occupy_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? -errno : close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 1 || getpid() != 1)
		return tool_main(argc, argv);
	umask(022);

	int err = init_system();

	if (!err)
		err = occupy_stdio();
	machine_open_exit_code();
	int fd = err ? err : dial_host();

	if (fd < 0)
		fprintf(stderr, "smolvm-agent: cannot %s: %s\n", err ? "begin" : "reach the host", strerror(-fd));
	else
		err = agent_run(fd);
	if (err)
		fprintf(stderr, "smolvm-agent: ended early: %s\n", strerror(-err));
	machine_kill_all();
	machine_sync();
	if (fd < 0 || err)
		usleep(LAST_WORDS_US);
	/* Not RB_POWER_OFF: on x86 that leaves the VMM running with a halted CPU. */
	reboot(RB_AUTOBOOT);
	return 1;
}
