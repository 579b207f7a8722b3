#include "tar/tar_extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tar/tar_folders.h"
#include "tar/tar_stream.h"
#include "base/temporary.h"
#include "base/transfer.h"

#define CHUNK_BYTES (64 * 1024)

struct extraction {
	struct tar_reader reader;
	struct tar_folders folders;
	const struct extract_options *options;
	char root[NAME_MAX + 1]; /* a folder that is put before each entry's name, or "" */
	size_t hidden; /* length of the start of the path that steps omit, because the destination already has it */
	char temporary[TEMPORARY_MAX]; /* name of the file that is not complete yet */
	struct tar_entry entry;
	char path[PATH_MAX]; /* of the entry, below the outermost folder */
};

/* Normalizes a name in the archive, also an absolute one, to a path below the root. */
static int plain_path(const struct extraction *extraction, const char *name, char *path)
{
	size_t root = (size_t)snprintf(path, PATH_MAX, "%s", extraction->root), length = root;

	for (name += strspn(name, "/"); *name; name += strspn(name, "/")) {
		size_t part = strcspn(name, "/");

		if (part == 2 && memcmp(name, "..", 2) == 0) {
			if (length == root)
				return -EXDEV;
			while (length > root && path[--length] != '/')
				;
			path[length] = '\0';
		} else if (part != 1 || *name != '.') {
			if (length + part + 2 > PATH_MAX)
				return -ENAMETOOLONG;
			length += (size_t)sprintf(path + length, "%s%.*s", length > 0 ? "/" : "", (int)part, name);
		}
		name += part;
	}
	return 0;
}

/* Splits a path in folder and name; the folder is "" for the outermost folder. */
static void split_path(char *path, const char **folder, const char **name)
{
	char *slash = strrchr(path, '/');

	*folder = slash ? path : "";
	*name = slash ? slash + 1 : path;
	if (slash)
		*slash = '\0';
}

static struct tar_attributes attributes_of(const struct extraction *extraction)
{
	const struct tar_entry *entry = &extraction->entry;
	bool keep_owner = extraction->options->keep_owner;

	return (struct tar_attributes){
		.mode = entry->mode,
		.uid = keep_owner ? entry->uid : (uid_t)-1,
		.gid = keep_owner ? entry->gid : (gid_t)-1,
		.mtime = entry->mtime,
	};
}

static int write_data(struct tar_reader *reader, int fd, int64_t size)
{
	char data[CHUNK_BYTES];

	while (size > 0) {
		ssize_t count = tar_read(reader, data, size < CHUNK_BYTES ? (size_t)size : CHUNK_BYTES);
		int err = count < 0 ? (int)count : write_all(fd, data, (size_t)count);

		if (err)
			return err;
		size -= count;
	}
	return 0;
}

/* Writes a sparse file with its holes. */
static int write_sparse(struct tar_reader *reader, int fd)
{
	const struct tar_sparse *sparse = &reader->sparse;

	for (size_t i = 0; i < sparse->count; i++) {
		const struct tar_part *part = &sparse->parts[i];
		int err = lseek(fd, part->offset, SEEK_SET) < 0 ? -errno : write_data(reader, fd, part->size);

		if (err)
			return err;
	}
	return ftruncate(fd, sparse->size) < 0 ? -errno : 0;
}

static int write_file(struct extraction *extraction, int folder)
{
	struct tar_attributes attributes = attributes_of(extraction);
	struct tar_reader *reader = &extraction->reader;
	int fd = temporary_open(folder, extraction->temporary);

	if (fd < 0)
		return fd;

	int err = reader->sparse.is_sparse ? write_sparse(reader, fd) : write_data(reader, fd, extraction->entry.size);

	if (!err)
		err = tar_set_attributes(fd, &attributes);
	if (!err)
		err = temporary_link(fd, folder, extraction->temporary);
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

/* Creates a hard link to a file that was extracted earlier. */
static int make_hard_link(struct extraction *extraction, int folder)
{
	struct tar_folders walk;
	const char *target_folder, *target;
	char path[PATH_MAX];
	int err = plain_path(extraction, extraction->entry.link, path);

	if (err)
		return err;
	split_path(path, &target_folder, &target);

	int fd = fcntl(extraction->folders.list[0].fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	tar_folders_begin(&walk, fd);
	err = tar_folders_go(&walk, target_folder);
	if (!err && linkat(tar_folders_current(&walk), target, folder, extraction->temporary, 0) < 0)
		err = -errno;
	tar_folders_end(&walk);
	return err;
}

/* For symlinks and FIFOs, which must not be opened and already have their mode. */
static int set_owner_and_time(struct extraction *extraction, int folder)
{
	const struct tar_attributes attributes = attributes_of(extraction);
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, attributes.mtime };
	const char *name = extraction->temporary;

	if (fchownat(folder, name, attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int make_temporary(struct extraction *extraction, int folder)
{
	const struct tar_entry *entry = &extraction->entry;

	switch (entry->type) {
	case TAR_FILE:
		return write_file(extraction, folder);
	case TAR_HARD_LINK:
		return make_hard_link(extraction, folder);
	case TAR_SYMLINK:
		return symlinkat(entry->link, folder, extraction->temporary) < 0 ? -errno : 0;
	case TAR_FIFO:
		return mkfifoat(folder, extraction->temporary, entry->mode) < 0 ? -errno : 0;
	}
	return -EOPNOTSUPP;
}

/* Creates the entry under a temporary name, and then renames it. */
static int put(struct extraction *extraction, int folder, const char *name)
{
	uint8_t type = extraction->entry.type;
	int err = make_temporary(extraction, folder);

	/* Files, and thus hard links, already have their attributes. */
	if (!err && (type == TAR_SYMLINK || type == TAR_FIFO))
		err = set_owner_and_time(extraction, folder);
	if (!err)
		return temporary_move(folder, extraction->temporary, name);
	unlinkat(folder, extraction->temporary, 0);
	return err;
}

static int extract_entry(struct extraction *extraction)
{
	const struct tar_entry *entry = &extraction->entry;
	char path[PATH_MAX];
	const char *folder, *name;

	if (entry->type == TAR_CHARACTER_DEVICE || entry->type == TAR_BLOCK_DEVICE) {
		fprintf(stderr, "\"%s\" is left out: it is a device\n", extraction->path);
		return 0;
	}
	strcpy(path, extraction->path);
	if (!*path)
		return entry->type == TAR_FOLDER ? 0 : -EISDIR;
	split_path(path, &folder, &name);

	int err = tar_folders_go(&extraction->folders, folder);

	if (err)
		return err;
	if (entry->type == TAR_FOLDER) {
		struct tar_attributes attributes = attributes_of(extraction);

		return tar_folders_make(&extraction->folders, name, &attributes);
	}
	return put(extraction, tar_folders_current(&extraction->folders), name);
}

static int open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Opens the parent folder of a destination that does not exist yet. The destination's name becomes the root. */
static int open_parent(struct extraction *extraction, char *path, bool is_folder)
{
	size_t length = strlen(path);

	while (length > 1 && (path[length - 1] == '/' || strcmp(path + length - 2, "/.") == 0)) {
		/* A path that ends like this must be a folder. */
		if (!is_folder)
			return -ENOENT;
		path[--length] = '\0';
	}

	const char *folder, *name;

	split_path(path, &folder, &name);
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	if (strcmp(name, "..") == 0)
		return -ENOENT;
	strcpy(extraction->root, name);
	extraction->hidden = strlen(name);
	folder = *folder ? folder : name == path ? "." : "/";
	return open_folder(folder);
}

static int open_destination(struct extraction *extraction, bool is_folder)
{
	const struct extract_options *options = extraction->options;
	char path[PATH_MAX];
	struct stat status;

	if (snprintf(path, sizeof(path), "%s", options->destination) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (stat(path, &status) < 0)
		return errno == ENOENT && options->name ? open_parent(extraction, path, is_folder) : -errno;
	if (S_ISDIR(status.st_mode)) {
		if (options->name && strcmp(options->name, ".") != 0)
			snprintf(extraction->root, sizeof(extraction->root), "%s", options->name);
		return open_folder(path);
	}
	if (!options->name || is_folder)
		return -ENOTDIR;
	/* Replace the target of a link, not the link. */
	return realpath(options->destination, path) ? open_parent(extraction, path, is_folder) : -errno;
}

static int begin(struct extraction *extraction)
{
	const struct tar_entry *entry = &extraction->entry;
	char path[PATH_MAX];
	int err = plain_path(extraction, entry->name, path);

	/* In an archive with a single root, the root is the first entry. */
	if (extraction->options->name && (err || *path))
		return err ? err : -EBADMSG;

	int fd = open_destination(extraction, entry->type == TAR_FOLDER);

	if (fd < 0)
		return fd;
	tar_folders_begin(&extraction->folders, fd);
	return 0;
}

static int extract_all(struct extraction *extraction, struct step *step)
{
	int result = tar_next(&extraction->reader, &extraction->entry);

	if (result > 0) {
		int err = begin(extraction);

		if (err)
			return err;
	} else if (result == 0 && extraction->options->name) {
		return -EBADMSG;
	}
	for (; result > 0; result = tar_next(&extraction->reader, &extraction->entry)) {
		int err = plain_path(extraction, extraction->entry.name, extraction->path);

		step_begin(step, "%s", err ? extraction->entry.name : extraction->path + extraction->hidden);
		if (!err)
			err = extract_entry(extraction);
		if (err)
			return err;
	}
	return result < 0 ? result : tar_read_rest(&extraction->reader);
}

int tar_extract(int in, const struct extract_options *options, struct step *step)
{
	static struct extraction extraction;
	int err;

	extraction = (struct extraction){ .reader = { .fd = in }, .options = options };
	step_begin(step, "%s", "");
	err = temporary_name(extraction.temporary);
	if (err)
		return err;
	err = extract_all(&extraction, step);

	int failed = tar_folders_end(&extraction.folders);

	tar_reader_end(&extraction.reader);
	return err ? err : failed;
}
