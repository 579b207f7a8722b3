#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folders.h"
#include "protocol.h"

int mount_source(const char *source, uint32_t mount_flags, char *path, size_t size)
{
	int length = snprintf(path, size, source[0] == '/' ? "%s" : "/s/%s", source);

	if (length >= (int)size)
		return -ENAMETOOLONG;
	if (source[0] != '/') {
		unsigned long flags = mount_flags & MOUNT_READ_ONLY ? MS_RDONLY : 0;
		/* The boot folder is read-only: the host made this one. */
		if (mount(source, path, "virtiofs", flags, NULL) < 0)
			return -errno;
	}
	return 0;
}

int mount_take(const char *path)
{
	char inside[PATH_MAX];
	struct stat status;

	/* A submount of a virtiofs share is an automount: it is there only once something inside was looked at. */
	if (snprintf(inside, sizeof(inside), "%s/.", path) >= (int)sizeof(inside))
		return -ENAMETOOLONG;
	if (stat(inside, &status) < 0)
		return -errno;

	int fd = open_tree(AT_FDCWD, inside, OPEN_TREE_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int mount_copy(const char *path, uint32_t mount_flags)
{
	int original = mount_take(path);

	if (original < 0)
		return original;

	int fd = open_tree(original, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	int err = fd < 0 ? -errno : 0;

	close(original);
	if (!err && mount_flags & MOUNT_READ_ONLY) {
		struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };

		if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) < 0) {
			err = -errno;
			close(fd);
		}
	}
	return err ? err : fd;
}

int mount_attach(int fd, const char *target)
{
	int err = folders_make(target, 0755);

	if (!err && move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		err = -errno;
	close(fd);
	return err;
}
