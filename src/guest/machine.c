#include "machine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "mounts.h"
#include "root.h"

/* Mounted by libkrun's init in the boot folder, and taken along with what is mounted inside them. */
static const char *const SYSTEM_MOUNTS[] = { "/dev", "/proc", "/sys" };
#define SYSTEM_MOUNT_COUNT (sizeof(SYSTEM_MOUNTS) / sizeof(*SYSTEM_MOUNTS))

static int disk = -1; /* the root folder of the machine's disk, if it has one */

static int set_identity(const struct setup_message *setup, struct step *step)
{
	struct timespec clock = {
		.tv_sec = (time_t)(setup->clock_ns / 1000000000),
		.tv_nsec = (long)(setup->clock_ns % 1000000000),
	};

	step_begin(step, "set the clock");
	if (clock_settime(CLOCK_REALTIME, &clock) < 0)
		return -errno;
	step_begin(step, "set the host name to %s", setup->hostname);
	return sethostname(setup->hostname, strlen(setup->hostname)) < 0 ? -errno : 0;
}

/* Fills `fds`, one a mount of the setup. */
static int open_volumes(const struct setup_message *setup, int *fds, struct step *step)
{
	for (uint32_t i = 0; i < setup->mount_count; i++) {
		const struct setup_mount *mount = &setup->mounts[i];
		char path[PATH_MAX];

		step_begin(step, "open the volume for %s", mount->target);

		int err = mount_source(mount->source, mount->flags, path, sizeof(path));

		if (err)
			return err;
		fds[i] = mount_copy(path, mount->flags);
		if (fds[i] < 0)
			return fds[i];
	}
	return 0;
}

static int attach_volumes(const struct setup_message *setup, const int *fds, struct step *step)
{
	for (uint32_t i = 0; i < setup->mount_count; i++) {
		step_begin(step, "mount volume at %s", setup->mounts[i].target);

		int err = mount_attach(fds[i], setup->mounts[i].target);

		if (err)
			return err;
	}
	return 0;
}

/* The root filesystem becomes the root, with the system's mounts in it. */
static int change_root(const struct setup_message *setup, struct step *step)
{
	char rootfs[PATH_MAX];
	int system_mounts[SYSTEM_MOUNT_COUNT];

	step_begin(step, "open the root filesystem %s", setup->rootfs);

	int err = mount_source(setup->rootfs, 0, rootfs, sizeof(rootfs));

	if (!err)
		err = root_mount(rootfs, setup->flags & SETUP_OVERLAY ? &disk : NULL, step);
	for (size_t i = 0; !err && i < SYSTEM_MOUNT_COUNT; i++) {
		step_begin(step, "open %s", SYSTEM_MOUNTS[i]);
		system_mounts[i] = mount_take(SYSTEM_MOUNTS[i]);
		if (system_mounts[i] < 0)
			err = system_mounts[i];
	}
	if (!err)
		err = root_enter(step);
	for (size_t i = 0; !err && i < SYSTEM_MOUNT_COUNT; i++) {
		step_begin(step, "mount %s", SYSTEM_MOUNTS[i]);
		err = mount_attach(system_mounts[i], SYSTEM_MOUNTS[i]);
	}
	return err;
}

/* What programs expect of every system and small images lack. */
static int complete_root(struct step *step)
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
	step_begin(step, "create /tmp");
	if (mkdir("/tmp", 01777) < 0) /* a read-only root has to do without */
		return errno == EEXIST || errno == EROFS ? 0 : -errno;
	return chmod("/tmp", 01777) < 0 ? -errno : 0; /* whatever the umask took away */
}

static int write_files(const struct setup_message *setup, struct step *step)
{
	for (uint32_t i = 0; i < setup->file_count; i++) {
		step_begin(step, "write %s", setup->files[i].path);

		int err = file_write(&setup->files[i]);

		if (err)
			return err;
	}
	return 0;
}

int machine_setup(const struct setup_message *setup, struct step *step)
{
	/* Not freed, nor its fds closed, when a step fails: the machine ends then. */
	int *volumes = calloc((size_t)setup->mount_count + 1, sizeof(*volumes));
	int err = volumes ? set_identity(setup, step) : -ENOMEM;

	if (!err) {
		step_begin(step, "make the mounts private");
		err = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
	}
	if (!err)
		err = open_volumes(setup, volumes, step);
	if (!err)
		err = change_root(setup, step);
	if (!err)
		err = complete_root(step);
	if (!err)
		err = write_files(setup, step);
	if (!err)
		err = attach_volumes(setup, volumes, step);
	free(volumes);
	return err;
}

void machine_kill_all(void)
{
	kill(-1, SIGKILL);
}

void machine_settle(void)
{
	sync();
	/* Read-only, the disk has its journal written and is clean; sync() alone leaves a recovery to the next boot. */
	if (disk >= 0 && (fchdir(disk) < 0 || mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0))
		perror("smolvm-agent: cannot remount the disk read-only");
}
