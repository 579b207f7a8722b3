#include "setup/root_complete.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/protocol.h"

static int add_links_and_tmp(uint32_t flags, struct step *step)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },   { "/proc/self/fd/0", "/dev/stdin" }, { "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" }, { "pts/ptmx", "/dev/ptmx" },
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		step_begin(step, "create %s", links[i][1]);
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			return -errno;
	}
	if (flags & SETUP_WRITABLE)
		return 0; /* Do not add files to a root that the guest shares with the host. */
	step_begin(step, "create /tmp");
	if (mkdir("/tmp", 01777) < 0) /* impossible on a read-only root, which then has no /tmp */
		return errno == EEXIST || errno == EROFS ? 0 : -errno;
	return chmod("/tmp", 01777) < 0 ? -errno : 0; /* mkdir() applied the umask */
}

/* Mounts what docker mounts below /dev. An older libkrun's init allows /dev/shm half of the memory, and devices. */
static int mount_ipc(struct step *step)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	step_begin(step, "mount /dev/shm");
	umount2("/dev/shm", MNT_DETACH);
	if ((mkdir("/dev/shm", 01777) < 0 && errno != EEXIST) ||
	    mount("shm", "/dev/shm", "tmpfs", flags, "mode=1777,size=65536k") < 0)
		return -errno;
	step_begin(step, "mount /dev/mqueue");
	if (mkdir("/dev/mqueue", 01777) < 0 && errno != EEXIST)
		return -errno;
	if (mount("mqueue", "/dev/mqueue", "mqueue", flags, NULL) == 0)
		return 0;
	/* ENODEV: the kernel has no POSIX message queues. */
	return errno == ENODEV && rmdir("/dev/mqueue") == 0 ? 0 : -errno;
}

int root_complete(uint32_t flags, struct step *step)
{
	int err = add_links_and_tmp(flags, step);

	return err ? err : mount_ipc(step);
}
