#include "tar_create.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tar_stream.h"
#include "transfer.h"

#define CHUNK_BYTES (64 * 1024)

struct creation {
	int out;
	struct step *step;
	void *linked; /* a tree of the files that have several names, by device and inode */
	char name[PATH_MAX]; /* of what is being archived */
	struct tar_entry entry; /* not on the stack: a path has room for 2000 folders in each other */
	size_t name_length;
	size_t root_length; /* of the name that all others begin with */
};

struct linked_file {
	dev_t device;
	ino_t inode;
	char *name; /* of its first entry */
};

static int compare_files(const void *one, const void *other)
{
	const struct linked_file *a = one, *b = other;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return a->inode == b->inode ? 0 : a->inode < b->inode ? -1 : 1;
}

/* The name that a file has in the archive already, or NULL; one with several names is remembered. */
static const char *archived_name(struct creation *creation, const struct stat *status)
{
	if (status->st_nlink < 2)
		return NULL;

	struct linked_file *file = malloc(sizeof(*file));

	if (!file)
		return NULL; /* it becomes a file of its own */
	*file = (struct linked_file){ .device = status->st_dev, .inode = status->st_ino };

	struct linked_file **found = tsearch(file, &creation->linked, compare_files);

	if (!found || *found != file)
		free(file);
	if (!found)
		return NULL;
	if (*found != file)
		return (*found)->name;
	file->name = strdup(creation->name);
	return NULL;
}

static int write_data(int out, int fd, int64_t size)
{
	char data[CHUNK_BYTES];
	size_t padding = tar_padding(size);

	while (size > 0) {
		size_t wanted = size < CHUNK_BYTES ? (size_t)size : CHUNK_BYTES;
		ssize_t count = read_all(fd, data, wanted);
		int err = count < 0 ? (int)count : (size_t)count < wanted ? -ESTALE : write_all(out, data, wanted);

		if (err)
			return err;
		size -= count;
	}
	memset(data, 0, padding);
	return write_all(out, data, padding);
}

static int create_file(struct creation *creation, int folder, const char *path, int follow)
{
	/* Not to wait for the other end, should it have become a fifo. */
	int fd = openat(folder, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | follow);
	struct stat status;

	if (fd < 0)
		return -errno;

	/* Its size may be another one by now. */
	int err = fstat(fd, &status) < 0 ? -errno : 0;

	creation->entry.size = status.st_size;
	if (!err)
		err = tar_write_entry(creation->out, &creation->entry);
	if (!err)
		err = write_data(creation->out, fd, creation->entry.size);
	close(fd);
	return err;
}

/* Whether the kernel makes a file system up: copying it would copy no files, and might never end. */
static bool is_made_up(int fd)
{
	struct statfs status;

	if (fstatfs(fd, &status) < 0)
		return false;
	switch (status.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEVPTS_SUPER_MAGIC:
		return true;
	}
	return false;
}

/* `follow` is 0, or O_NOFOLLOW. */
static int create_any(struct creation *creation, int folder, const char *path, int follow);

static int create_below(struct creation *creation, DIR *files)
{
	size_t length = creation->name_length;
	struct dirent *file;
	int err = 0;

	while (!err && (errno = 0, file = readdir(files))) {
		if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
			continue;

		size_t left = sizeof(creation->name) - length;
		int added = snprintf(creation->name + length, left, "/%s", file->d_name);

		if ((size_t)added >= left)
			return -ENAMETOOLONG;
		creation->name_length = length + (size_t)added;
		err = create_any(creation, dirfd(files), file->d_name, O_NOFOLLOW);
	}
	creation->name_length = length;
	creation->name[length] = '\0';
	return err ? err : -errno;
}

static int create_folder(struct creation *creation, int folder, const char *path, int follow)
{
	int err = tar_write_entry(creation->out, &creation->entry);

	if (err)
		return err;

	int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);

	if (!files)
		return -errno;
	if (!is_made_up(fd))
		err = create_below(creation, files);
	closedir(files);
	return err;
}

static int create_symlink(struct creation *creation, int folder, const char *path)
{
	struct tar_entry *entry = &creation->entry;
	ssize_t length = readlinkat(folder, path, entry->link, sizeof(entry->link) - 1);

	if (length < 0)
		return -errno;
	entry->link[length] = '\0';
	return tar_write_entry(creation->out, entry);
}

static int create_entry(struct creation *creation, int folder, const char *path, int follow, const struct stat *status)
{
	struct tar_entry *entry = &creation->entry;

	*entry = (struct tar_entry){
		.mode = status->st_mode & 07777,
		.uid = status->st_uid,
		.gid = status->st_gid,
		.mtime = status->st_mtim,
	};

	memcpy(entry->name, creation->name, creation->name_length + 1);
	if (S_ISDIR(status->st_mode)) {
		entry->type = TAR_FOLDER;
		return create_folder(creation, folder, path, follow);
	}
	if (S_ISSOCK(status->st_mode) || S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)) {
		if (!*creation->step->text)
			return -EOPNOTSUPP;
		fprintf(stderr, "\"%s\" is left out: it is a %s\n", creation->step->text,
			S_ISSOCK(status->st_mode) ? "socket" : "device");
		return 0;
	}

	const char *archived = archived_name(creation, status);

	if (archived) {
		entry->type = TAR_HARD_LINK;
		strcpy(entry->link, archived);
		return tar_write_entry(creation->out, entry);
	}
	if (S_ISLNK(status->st_mode)) {
		entry->type = TAR_SYMLINK;
		return create_symlink(creation, folder, path);
	}
	if (S_ISFIFO(status->st_mode)) {
		entry->type = TAR_FIFO;
		return tar_write_entry(creation->out, entry);
	}
	entry->type = TAR_FILE;
	return create_file(creation, folder, path, follow);
}

static int create_any(struct creation *creation, int folder, const char *path, int follow)
{
	const char *below = creation->name + creation->root_length;
	struct stat status;

	step_begin(creation->step, "%s", *below ? below + 1 : "");
	if (fstatat(folder, path, &status, follow ? AT_SYMLINK_NOFOLLOW : 0) < 0)
		return -errno;
	return create_entry(creation, folder, path, follow, &status);
}

int tar_create(int out, const char *path, const char *name, bool follow, struct step *step)
{
	struct creation creation = { .out = out, .step = step, .root_length = strlen(name) };

	creation.name_length = creation.root_length;
	if (creation.name_length >= sizeof(creation.name))
		return -ENAMETOOLONG;
	strcpy(creation.name, name);

	int err = create_any(&creation, AT_FDCWD, path, follow ? 0 : O_NOFOLLOW);

	return err ? err : tar_write_end(out);
}
