#include "tools/file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tar/tar_folders.h"
#include "base/temporary.h"
#include "base/transfer.h"

#define PART_MAX (64 * 1024)
#define DEFAULT_MODE 0644

static int read_part(int in, void *data, size_t size)
{
	ssize_t count = read_all(in, data, size);

	return count < 0 ? (int)count : (size_t)count < size ? -ENODATA : 0;
}

static int copy_parts(int in, int out)
{
	uint8_t head[4], data[PART_MAX];

	for (;;) {
		int err = read_part(in, head, sizeof(head));
		uint32_t size = err ? 0 : get_u32(head);

		if (size == 0)
			return err;
		if (size > sizeof(data))
			return -EBADMSG;
		err = read_part(in, data, size);
		if (!err)
			err = write_all(out, data, size);
		if (err)
			return err;
	}
}

/* Opens the parent folder of the file. `place` is its resolved path, split before the file's `name`. */
static int open_folder_of(const char *path, char place[PATH_MAX], const char **name)
{
	if (!realpath(path, place)) {
		if (errno != ENOENT)
			return -errno;
		if (snprintf(place, PATH_MAX, "%s", path) >= PATH_MAX)
			return -ENAMETOOLONG;
	}

	char *slash = strrchr(place, '/');

	*name = slash ? slash + 1 : place;
	if (slash)
		*slash = '\0';

	int fd = open(!slash ? "." : *place ? place : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int choose_attributes(struct tar_attributes *attributes, int folder, const char *name, mode_t mode)
{
	struct stat old;

	*attributes = (struct tar_attributes){
		.mode = mode == FILE_MODE_KEPT ? DEFAULT_MODE : mode,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.mtime = { .tv_nsec = UTIME_NOW },
	};
	if (!*name)
		return -EISDIR;
	if (fstatat(folder, name, &old, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(old.st_mode)) /* a dangling link */
		return 0;
	if (!S_ISREG(old.st_mode))
		return S_ISDIR(old.st_mode) ? -EISDIR : -EOPNOTSUPP;
	attributes->uid = old.st_uid;
	attributes->gid = old.st_gid;
	if (mode == FILE_MODE_KEPT)
		attributes->mode = old.st_mode & 07777;
	return 0;
}

static int make_file(int in, int folder, const char *name, const struct tar_attributes *attributes)
{
	char temporary[TEMPORARY_MAX];
	int err = temporary_name(temporary);
	int fd = err ? err : temporary_open(folder, temporary);

	if (fd < 0)
		return fd;
	err = copy_parts(in, fd);
	if (!err)
		err = tar_set_attributes(fd, attributes);
	if (!err)
		err = temporary_link(fd, folder, temporary);
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err)
		return temporary_move(folder, temporary, name);
	unlinkat(folder, temporary, 0);
	return err;
}

int file_replace(int in, const char *path, mode_t mode)
{
	struct tar_attributes attributes;
	char place[PATH_MAX];
	const char *name = place;
	int folder = open_folder_of(path, place, &name);

	if (folder < 0)
		return folder;

	int err = choose_attributes(&attributes, folder, name, mode);

	if (!err)
		err = make_file(in, folder, name, &attributes);
	close(folder);
	return err;
}
