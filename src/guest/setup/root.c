#include "setup/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/disk.h"
#include "setup/mounts.h"
#include "wire/protocol.h"

#define DISK_DEVICE "/dev/vda"
#define DISK "/disk"
#define UPPER DISK "/upper"
#define WORK DISK "/work"
#define ROOT "/root"

/* The upper folder determines owner and mode of the merged root: a new one gets those of the image's root. */
static int make_upper(const char *rootfs)
{
	struct stat lower;

	if (stat(rootfs, &lower) < 0)
		return -errno;
	if (mkdir(UPPER, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (chown(UPPER, lower.st_uid, lower.st_gid) < 0 || chmod(UPPER, lower.st_mode & 07777) < 0)
		return -errno;
	return 0;
}

int root_prepare(struct step *step)
{
	int disk = disk_mount(DISK_DEVICE, DISK, step);

	if (disk < 0)
		return disk;
	step_begin(step, "prepare the disk " DISK_DEVICE);
	return mkdir(WORK, 0755) < 0 && errno != EEXIST ? -errno : disk;
}

static int mount_overlay(const char *rootfs, struct step *step)
{
	char options[2 * PATH_MAX];

	step_begin(step, "prepare the disk " DISK_DEVICE);

	int err = make_upper(rootfs);

	if (err)
		return err;
	step_begin(step, "mount the overlay over %s", rootfs);
	/* redirect_dir: without it, folders of the image cannot be renamed. */
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=" UPPER ",workdir=" WORK ",redirect_dir=on", rootfs);
	return mount("overlay", ROOT, "overlay", 0, options) < 0 ? -errno : 0;
}

int root_mount(const char *rootfs, uint32_t setup_flags, struct step *step)
{
	step_begin(step, "open the root filesystem %s", rootfs);

	bool is_overlay = setup_flags & SETUP_OVERLAY;
	int tree = mount_copy(rootfs, is_overlay || setup_flags & SETUP_WRITABLE ? 0 : MOUNT_READ_ONLY);

	if (tree < 0)
		return tree;
	if (!is_overlay)
		return mount_attach(tree, ROOT);
	close(tree);
	return mount_overlay(rootfs, step);
}

int root_enter(struct step *step)
{
	step_begin(step, "enter the root filesystem");
	if (chdir(ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}
