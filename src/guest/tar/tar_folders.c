#include "tar/tar_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNTOLD_MODE 0755 /* for a folder without an entry in the archive */

int tar_set_attributes(int fd, const struct tar_attributes *attributes)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, attributes->mtime };

	/* The owner first: fchown() clears the set-user-ID and set-group-ID bits. */
	if (fchown(fd, attributes->uid, attributes->gid) < 0 || fchmod(fd, attributes->mode) < 0 || futimens(fd, times) < 0)
		return -errno;
	return 0;
}

void tar_folders_begin(struct tar_folders *folders, int fd)
{
	folders->depth = 1;
	folders->list[0].fd = fd;
	folders->list[0].is_new = false;
}

int tar_folders_current(const struct tar_folders *folders)
{
	return folders->list[folders->depth - 1].fd;
}

static int leave(struct tar_folders *folders)
{
	struct tar_folder *folder = &folders->list[--folders->depth];
	int err = folder->is_new ? tar_set_attributes(folder->fd, &folder->attributes) : 0;

	close(folder->fd);
	return err;
}

/* Goes to a folder in the current one. */
static int enter(struct tar_folders *folders, const char *name)
{
	struct tar_folder *folder = &folders->list[folders->depth];

	if (folders->depth == TAR_DEPTH_MAX || strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	folder->fd = openat(tar_folders_current(folders), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder->fd < 0)
		return -errno;
	folder->is_new = false;
	strcpy(folder->name, name);
	folders->depth++;
	return 0;
}

/* Whether `name` is the first part of `path`. */
static bool is_part(const char *path, const char *name)
{
	size_t length = strcspn(path, "/");

	return strlen(name) == length && memcmp(path, name, length) == 0;
}

/* Skips the first part of a path and the slash behind it. */
static const char *next_part(const char *path)
{
	path += strcspn(path, "/");
	return *path ? path + 1 : path;
}

int tar_folders_go(struct tar_folders *folders, const char *path)
{
	size_t common = 1;
	int err = 0;

	for (; common < folders->depth && is_part(path, folders->list[common].name); common++)
		path = next_part(path);
	while (!err && folders->depth > common)
		err = leave(folders);
	for (; !err && *path; path = next_part(path)) {
		char name[NAME_MAX + 1];
		size_t length = strcspn(path, "/");

		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, length);
		name[length] = '\0';
		if (mkdirat(tar_folders_current(folders), name, UNTOLD_MODE) < 0 && errno != EEXIST)
			return -errno;
		err = enter(folders, name);
	}
	return err;
}

int tar_folders_make(struct tar_folders *folders, const char *name, const struct tar_attributes *attributes)
{
	bool is_new = mkdirat(tar_folders_current(folders), name, 0700) == 0;

	if (!is_new && errno != EEXIST)
		return -errno;

	int err = enter(folders, name);

	if (err)
		return err;

	struct tar_folder *folder = &folders->list[folders->depth - 1];

	folder->is_new = is_new;
	folder->attributes = *attributes;
	return 0;
}

int tar_folders_end(struct tar_folders *folders)
{
	int err = 0;

	/* Leave all folders, even if one fails. */
	while (folders->depth > 0) {
		int failed = leave(folders);

		err = err ? err : failed;
	}
	return err;
}
