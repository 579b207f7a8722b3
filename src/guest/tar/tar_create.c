#include "tar/tar_create.h"

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

#include "tar/tar_stream.h"
#include "base/transfer.h"

#define CHUNK_BYTES (64 * 1024)
/* The most that is read from a file without a known size, such as those in /proc. */
#define UNSIZED_MAX (16 * 1024 * 1024)

struct creation {
	int out;
	int changed; /* number of files that are missing from the archive or incomplete */
	struct step *step;
	void *linked; /* a tree of the files that have several names, by device and inode */
	char name[PATH_MAX]; /* of the current entry */
	struct tar_entry entry; /* not on the stack: a path can have 2000 nested folders */
	char data[CHUNK_BYTES];
	size_t name_length;
	size_t root_length; /* length of the name that all others start with */
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

/* The name under which the archive already has this file, or NULL. */
static const char *archived_name(struct creation *creation, const struct stat *status)
{
	const struct linked_file file = { .device = status->st_dev, .inode = status->st_ino };
	struct linked_file **found = status->st_nlink < 2 ? NULL : tfind(&file, &creation->linked, compare_files);

	return found ? (*found)->name : NULL;
}

/* Remembers the name of a file that has several. If that fails, its other names become separate files. */
static void remember_name(struct creation *creation, const struct stat *status)
{
	struct linked_file *file = status->st_nlink < 2 ? NULL : malloc(sizeof(*file));

	if (!file)
		return;
	*file = (struct linked_file){ status->st_dev, status->st_ino, strdup(creation->name) };

	struct linked_file **found = file->name ? tsearch(file, &creation->linked, compare_files) : NULL;

	if (found && *found == file)
		return;
	free(file->name);
	free(file);
}

static bool is_root(const struct creation *creation)
{
	return !*creation->step->text;
}

/* Why a file that existed cannot be read. */
static const char *reason_of(int err)
{
	switch (err) {
	case -ENOENT:
		return "it has vanished";
	case -ELOOP:
	case -ENOTDIR:
		return "it has become another kind of file";
	default:
		return strerror(-err);
	}
}

/* Reports a file that cannot be read, so that the others are still copied. For the root itself, returns the error. */
static int leave_out(struct creation *creation, int err)
{
	if (is_root(creation))
		return err;
	creation->changed++;
	fprintf(stderr, "\"%s\" is left out: %s\n", creation->step->text, reason_of(err));
	return 0;
}

/* The same for a file whose entry with its size is already written: writes zeros for the missing data. */
static int fill_up(struct creation *creation, int err, int64_t missing)
{
	if (is_root(creation))
		return err;
	creation->changed++;
	if (err == -ESTALE)
		fprintf(stderr, "\"%s\" has become shorter while it was copied: its end is zeros\n", creation->step->text);
	else
		fprintf(stderr, "\"%s\" cannot be read to its end, which is zeros: %s\n", creation->step->text, strerror(-err));
	memset(creation->data, 0, sizeof(creation->data));
	for (err = 0; !err && missing > 0; missing -= CHUNK_BYTES)
		err = write_all(creation->out, creation->data, missing < CHUNK_BYTES ? (size_t)missing : CHUNK_BYTES);
	return err;
}

static int write_padding(int out, int64_t size)
{
	static const char zeros[TAR_BLOCK];

	return write_all(out, zeros, tar_padding(size));
}

/* Writes a file that has been read completely. */
static int write_whole(struct creation *creation, const char *data, size_t size)
{
	creation->entry.size = (int64_t)size;

	int err = tar_write_entry(creation->out, &creation->entry);

	if (!err)
		err = write_all(creation->out, data, size);
	return err ? err : write_padding(creation->out, creation->entry.size);
}

/* Writes a file of a known size, whose first chunk has been read. Data that is appended meanwhile is not copied. */
static int write_sized(struct creation *creation, int fd, int64_t size)
{
	int err;

	creation->entry.size = size;
	err = tar_write_entry(creation->out, &creation->entry);
	if (!err)
		err = write_all(creation->out, creation->data, CHUNK_BYTES);
	for (int64_t left = size - CHUNK_BYTES; !err && left > 0;) {
		size_t wanted = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
		ssize_t count = read_all(fd, creation->data, wanted);

		if (count < 0 || (size_t)count < wanted) {
			if (count > 0)
				err = write_all(creation->out, creation->data, (size_t)count);
			left -= count < 0 ? 0 : count;
			err = err ? err : fill_up(creation, count < 0 ? (int)count : -ESTALE, left);
			break;
		}
		err = write_all(creation->out, creation->data, wanted);
		left -= count;
	}
	return err ? err : write_padding(creation->out, size);
}

/* Writes a file whose reported size is too small, and whose first chunk has been read. */
static int write_unsized(struct creation *creation, int fd)
{
	char *data = malloc(UNSIZED_MAX + 1); /* the kernel allocates only the pages that are used */
	ssize_t count;
	int err;

	if (!data)
		return leave_out(creation, -ENOMEM);
	memcpy(data, creation->data, CHUNK_BYTES);
	count = read_all(fd, data + CHUNK_BYTES, UNSIZED_MAX + 1 - CHUNK_BYTES);
	if (count < 0)
		err = leave_out(creation, (int)count);
	else if (count > UNSIZED_MAX - CHUNK_BYTES)
		err = leave_out(creation, -EFBIG);
	else
		err = write_whole(creation, data, CHUNK_BYTES + (size_t)count);
	free(data);
	return err;
}

/* Whether this is a virtual file system of the kernel, which has no real files to copy and may be endless. */
static bool is_made_up(int fd)
{
	struct statfs status;

	if (fstatfs(fd, &status) < 0)
		return false;
	switch (status.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEVPTS_SUPER_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case SECURITYFS_MAGIC:
		return true;
	}
	return false;
}

static void set_attributes(struct tar_entry *entry, const struct stat *status)
{
	entry->mode = status->st_mode & 07777;
	entry->uid = status->st_uid;
	entry->gid = status->st_gid;
	entry->mtime = status->st_mtim;
}

static int write_file(struct creation *creation, int fd)
{
	/* Read before looking at the size, which is wrong in /proc and /sys. Most files are not larger than a chunk. */
	ssize_t count = read_all(fd, creation->data, CHUNK_BYTES);
	struct stat status;

	if (count < 0)
		return leave_out(creation, (int)count);
	if (count < CHUNK_BYTES)
		return write_whole(creation, creation->data, (size_t)count);
	if (fstat(fd, &status) < 0)
		return leave_out(creation, -errno);

	bool made_up = is_made_up(fd);

	if (made_up && status.st_size > UNSIZED_MAX) /* for example /proc/kcore, all of the memory */
		return leave_out(creation, -EFBIG);
	if (status.st_size == 0 || (made_up && status.st_size < CHUNK_BYTES))
		return write_unsized(creation, fd);
	return write_sized(creation, fd, status.st_size > CHUNK_BYTES ? status.st_size : CHUNK_BYTES);
}

static int create_file(struct creation *creation, int folder, const char *path, int follow)
{
	/* O_NONBLOCK: the file may have become a FIFO, and open() would wait for a writer. */
	int fd = openat(folder, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | follow);
	struct stat status;
	int err;

	if (fd < 0)
		return leave_out(creation, -errno);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		err = leave_out(creation, -ELOOP);
	} else {
		int changed = creation->changed;

		set_attributes(&creation->entry, &status);
		err = write_file(creation, fd);
		if (!err && changed == creation->changed)
			remember_name(creation, &status);
	}
	close(fd);
	return err;
}

/* `follow` is 0 or O_NOFOLLOW. */
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

		if ((size_t)added >= left) {
			step_begin(creation->step, "%s", creation->name + creation->root_length + 1);
			err = leave_out(creation, -ENAMETOOLONG);
			continue;
		}
		creation->name_length = length + (size_t)added;
		err = create_any(creation, dirfd(files), file->d_name, O_NOFOLLOW);
	}

	int failed = errno;

	creation->name_length = length;
	creation->name[length] = '\0';
	if (err || !failed)
		return err;
	step_begin(creation->step, "%s", length > creation->root_length ? creation->name + creation->root_length + 1 : "");
	return leave_out(creation, -failed);
}

static int create_folder(struct creation *creation, int folder, const char *path, int follow)
{
	int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);

	if (!files)
		return leave_out(creation, -errno);

	bool made_up = is_made_up(fd);
	int err = made_up && is_root(creation) ? -ENOMEDIUM : tar_write_entry(creation->out, &creation->entry);

	if (!err && made_up)
		fprintf(stderr, "\"%s\" is copied as an empty folder: it is a virtual file system\n",
			creation->step->text);
	else if (!err)
		err = create_below(creation, files);
	closedir(files);
	return err;
}

static int create_symlink(struct creation *creation, int folder, const char *path, const struct stat *status)
{
	struct tar_entry *entry = &creation->entry;
	ssize_t length = readlinkat(folder, path, entry->link, sizeof(entry->link) - 1);

	if (length < 0)
		return leave_out(creation, -errno);
	entry->link[length] = '\0';
	remember_name(creation, status);
	return tar_write_entry(creation->out, entry);
}

static int create_entry(struct creation *creation, int folder, const char *path, int follow, const struct stat *status)
{
	struct tar_entry *entry = &creation->entry;

	*entry = (struct tar_entry){ 0 };
	set_attributes(entry, status);
	memcpy(entry->name, creation->name, creation->name_length + 1);
	if (S_ISDIR(status->st_mode)) {
		entry->type = TAR_FOLDER;
		return create_folder(creation, folder, path, follow);
	}
	if (S_ISSOCK(status->st_mode) || S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)) {
		if (is_root(creation))
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
		return create_symlink(creation, folder, path, status);
	}
	if (S_ISFIFO(status->st_mode)) {
		entry->type = TAR_FIFO;
		remember_name(creation, status);
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
		return leave_out(creation, -errno);
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

	if (!err)
		err = tar_write_end(out);
	return err ? err : creation.changed;
}
