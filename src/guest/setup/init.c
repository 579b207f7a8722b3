#include "setup/init.h"

#include <errno.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool has_proc(void)
{
	struct statfs status;

	return statfs("/proc", &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

static int mount_system(void)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	const struct {
		const char *type, *target;
		unsigned long flags;
	} mounts[] = {
		{ "devtmpfs", "/dev", 0 }, /* the kernel may have mounted it already */
		{ "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC },
		{ "proc", "/proc", flags },
		{ "sysfs", "/sys", flags },
		{ "cgroup2", "/sys/fs/cgroup", flags },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags, NULL) < 0 && errno != EBUSY)
			return -errno;
	}
	return 0;
}

static int bring_loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;

	int err = ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;

	close(fd);
	return err;
}

int init_system(void)
{
	if (has_proc())
		return 0;
	setsid();

	int err = mount_system();

	return err ? err : bring_loopback_up();
}
