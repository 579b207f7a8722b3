#include "setup/bound_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/protocol.h"

/* The empty files that were created in volumes. */
static char **made;
static uint32_t made_count;

int bound_files_open(const struct setup_file *files, uint32_t count, int *fds, struct step *step)
{
	made = calloc((size_t)count + 1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		fds[i] = -1;
		/* A block is only a part of a file: do not bind the whole file over the volume's. */
		if (files[i].mode & FILE_BLOCK)
			continue;
		step_begin(step, "open %s", files[i].path);
		fds[i] = open_tree(AT_FDCWD, files[i].path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (fds[i] < 0)
			return -errno;
	}
	return 0;
}

/* Creates an empty file to bind on. False if that fails, as in a read-only volume, which then lacks the file. */
static bool make_target(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return false;
	close(fd);
	made[made_count] = strdup(path);
	if (made[made_count])
		made_count++;
	return true;
}

static int show(int fd, const char *path)
{
	struct stat file, there;

	if (fstat(fd, &file) < 0)
		return -errno;
	if (lstat(path, &there) < 0) {
		if (!make_target(path))
			return 0;
	} else if ((there.st_dev == file.st_dev && there.st_ino == file.st_ino) || S_ISDIR(there.st_mode)) {
		/* Nothing hides the file, or a volume is mounted exactly at its path. */
		return 0;
	}
	/* Mounts over a symlink instead of following it. */
	return move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

int bound_files_bind(const struct setup_file *files, uint32_t count, const int *fds, struct step *step)
{
	for (uint32_t i = 0; i < count; i++) {
		if (fds[i] < 0)
			continue;
		step_begin(step, "bind %s", files[i].path);

		int err = show(fds[i], files[i].path);

		if (err)
			return err;
		close(fds[i]);
	}
	return 0;
}

void bound_files_remove(void)
{
	for (uint32_t i = 0; i < made_count; i++) {
		struct stat status;

		/* Only if it is still the empty file: the guest may have replaced it. */
		if (umount2(made[i], MNT_DETACH | UMOUNT_NOFOLLOW) == 0 && lstat(made[i], &status) == 0 &&
		    S_ISREG(status.st_mode) && status.st_size == 0)
			unlink(made[i]);
	}
	made_count = 0;
}
