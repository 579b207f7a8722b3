#include "setup/file_block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "wire/protocol.h"
#include "base/transfer.h"

static const char BEGIN[] = "\n# smolvm: of this start alone\n";
static const char END[] = "# smolvm: end\n";

#define MAX_BYTES (16 * 1024 * 1024)

/* Removes the block of the previous start, and returns the remaining size. */
static size_t without_block(char *bytes, size_t size)
{
	char *begin = memmem(bytes, size, BEGIN, sizeof(BEGIN) - 1);

	if (!begin)
		return size;
	size_t left = size - (size_t)(begin - bytes);
	char *end = memmem(begin, left, END, sizeof(END) - 1);

	/* Without an end marker, a crash has truncated the block. */
	if (!end)
		return (size_t)(begin - bytes);
	end += sizeof(END) - 1;
	memmove(begin, end, (size_t)(bytes + size - end));
	return size - (size_t)(end - begin);
}

static int put(int fd, size_t size, const struct setup_file *file)
{
	char *bytes = malloc(size + 1);

	if (!bytes)
		return -ENOMEM;
	ssize_t have = read_all(fd, bytes, size);
	int err = have < 0 ? (int)have : 0;

	if (!err) {
		size_t kept = without_block(bytes, (size_t)have);

		if (lseek(fd, 0, SEEK_SET) < 0)
			err = -errno;
		if (!err)
			err = write_all(fd, bytes, kept);
		if (!err)
			err = write_all(fd, BEGIN, sizeof(BEGIN) - 1);
		if (!err)
			err = write_all(fd, file->content.bytes, file->content.length);
		if (!err)
			err = write_all(fd, END, sizeof(END) - 1);
		off_t end = err ? 0 : lseek(fd, 0, SEEK_CUR);
		if (!err && (end < 0 || ftruncate(fd, end) < 0))
			err = -errno;
	}
	free(bytes);
	return err;
}

int file_put_block(const struct setup_file *file)
{
	mode_t mode = file->mode & 07777;
	int create = mode ? O_CREAT : 0;
	int err = create ? folders_make_parent(file->path, 0755) : 0;
	struct stat status;

	if (err)
		return err;
	/* O_NONBLOCK: the guest may have replaced the file, for example with a FIFO. */
	int fd = open(file->path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | create, mode);

	if (fd < 0)
		return errno == ENOENT || errno == EISDIR || errno == ENXIO || errno == ELOOP || errno == ENOTDIR ? 0 : -errno;
	if (fstat(fd, &status) < 0)
		err = -errno;
	else if (S_ISREG(status.st_mode) && status.st_size <= MAX_BYTES)
		err = put(fd, (size_t)status.st_size, file);
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}
