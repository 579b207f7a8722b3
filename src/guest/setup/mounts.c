#include "setup/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "setup/read_ahead.h"
#include "wire/protocol.h"

int mount_source(const char *source, uint32_t mount_flags, char *path, size_t size)
{
	int length = snprintf(path, size, source[0] == '/' ? "%s" : "/s/%s", source);

	if (length >= (int)size)
		return -ENAMETOOLONG;
	if (source[0] != '/') {
		unsigned long flags = mount_flags & MOUNT_READ_ONLY ? MS_RDONLY : 0;
		/* The boot folder is read-only: the host has created the mount point. */
		if (mount(source, path, "virtiofs", flags, NULL) < 0)
			return -errno;
		read_ahead_raise("/sys", path);
	}
	return 0;
}

int mount_take(const char *path)
{
	char inside[PATH_MAX];
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
		int file = open_tree(AT_FDCWD, path, OPEN_TREE_CLOEXEC);

		return file < 0 ? -errno : file;
	}
	/* A submount of a virtiofs share is an automount: it is mounted only when a path inside is accessed. */
	if (snprintf(inside, sizeof(inside), "%s/.", path) >= (int)sizeof(inside))
		return -ENAMETOOLONG;
	if (stat(inside, &status) < 0)
		return -errno;

	int fd = open_tree(AT_FDCWD, inside, OPEN_TREE_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static uint64_t attributes_of(uint32_t mount_flags)
{
	return (mount_flags & MOUNT_READ_ONLY ? MOUNT_ATTR_RDONLY : 0) |
	       (mount_flags & MOUNT_NO_SUID ? MOUNT_ATTR_NOSUID : 0) |
	       (mount_flags & MOUNT_NO_DEVICES ? MOUNT_ATTR_NODEV : 0) |
	       (mount_flags & MOUNT_NO_EXEC ? MOUNT_ATTR_NOEXEC : 0);
}

int mount_copy(const char *path, uint32_t mount_flags)
{
	int original = mount_take(path);

	if (original < 0)
		return original;

	int fd = open_tree(original, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	int err = fd < 0 ? -errno : 0;

	close(original);
	if (!err && mount_flags & ~MOUNT_TMPFS) {
		struct mount_attr attributes = { .attr_set = attributes_of(mount_flags) };

		if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) < 0) {
			err = -errno;
			close(fd);
		}
	}
	return err ? err : fd;
}

/* Creates the mount point: a folder for a folder, a file for a file. */
static int make_target(int fd, const char *target)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return folders_make(target, 0755);
	if (stat(target, &status) == 0)
		return 0;

	int err = folders_make_parent(target, 0755);

	if (err)
		return err;

	int file = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return file < 0 ? -errno : close(file);
}

int mount_attach(int fd, const char *target)
{
	int err = make_target(fd, target);

	if (!err && move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		err = -errno;
	close(fd);
	return err;
}

int mount_memory(const char *options, uint32_t mount_flags, const char *target)
{
	unsigned long flags = (mount_flags & MOUNT_READ_ONLY ? MS_RDONLY : 0) | (mount_flags & MOUNT_NO_SUID ? MS_NOSUID : 0) |
			      (mount_flags & MOUNT_NO_DEVICES ? MS_NODEV : 0) |
			      (mount_flags & MOUNT_NO_EXEC ? MS_NOEXEC : 0);
	int err = folders_make(target, 0755);

	if (err)
		return err;
	return mount("tmpfs", target, "tmpfs", flags, options) < 0 ? -errno : 0;
}
