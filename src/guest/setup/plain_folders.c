#include "setup/plain_folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "plain" /* on the disk, next to the overlay's folders */
#define MODE 0711

static const char *const NAMES[] = { "containers", "containerd", "docker" };

static bool is_self_or_parent(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static bool is_empty(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool empty = folder;

	if (!folder)
		return false;
	while (empty && (entry = readdir(folder)))
		empty = is_self_or_parent(entry->d_name);
	closedir(folder);
	return empty;
}

/* Whether a folder contains nothing but empty folders. Creates the same folders in `plain`. */
static bool is_as_installed(int fd, int plain)
{
	DIR *folder = fdopendir(fd);
	struct dirent *entry;
	bool plainly = folder;

	if (!folder) {
		close(fd);
		return false;
	}
	while (plainly && (entry = readdir(folder))) {
		struct stat status;

		if (is_self_or_parent(entry->d_name))
			continue;
		plainly = is_empty(fd, entry->d_name) && fstatat(fd, entry->d_name, &status, 0) == 0 &&
			  (mkdirat(plain, entry->d_name, status.st_mode & 07777) == 0 || errno == EEXIST);
	}
	closedir(folder);
	return plainly;
}

/* Creates the folder on the disk and opens it. */
static int open_plain(int disk, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	if (mkdirat(disk, FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (mkdirat(disk, path, MODE) < 0 && errno != EEXIST)
		return -errno;

	int fd = openat(disk, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int show(int plain, const char *target)
{
	int there = open(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (there < 0) {
		/* If the image has anything but a folder at this path, leave it alone. */
		if (errno != ENOENT)
			return 0;
		if (mkdir(target, MODE) < 0)
			return -errno;
	} else if (!is_as_installed(there, plain)) {
		return 0;
	}

	int tree = open_tree(plain, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int err = tree < 0 || move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;

	if (tree >= 0)
		close(tree);
	return err;
}

int plain_folders_bind(int disk, const char *root, struct step *step)
{
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
		char target[PATH_MAX];

		snprintf(target, sizeof(target), "%s/var/lib", root);
		if (access(target, F_OK) < 0)
			return 0;
		snprintf(target, sizeof(target), "%s/var/lib/%s", root, NAMES[i]);
		step_begin(step, "bind a folder of the disk at %s", target);

		int plain = open_plain(disk, NAMES[i]);
		int err = plain < 0 ? plain : show(plain, target);

		if (plain >= 0)
			close(plain);
		/* The machine must start even if the disk is full. */
		if (err)
			return err == -ENOSPC ? 0 : err;
	}
	return 0;
}
