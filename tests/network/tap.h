/* Helpers for test programs that use a tap device. */
#ifndef NETWORK_TAP_H
#define NETWORK_TAP_H

#include <err.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Creates a tap device in the network namespace of this process. */
static inline int make_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		err(1, "making the tap %s", name);
	return fd;
}

/* Starts a command that is killed when this process exits. */
static inline pid_t start(char **command)
{
	pid_t child = fork();

	if (child < 0)
		err(1, "starting a process");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(command[0], command);
		err(127, "%s", command[0]);
	}
	return child;
}

#endif
