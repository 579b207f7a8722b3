#include "setup/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "base/transfer.h"

int file_write(const struct setup_file *file)
{
	int err = folders_make_parent(file->path, 0755);

	if (err)
		return err;
	/* Replace a symlink, do not follow it: an image's resolv.conf often points to a file that does not exist. */
	if (unlink(file->path) < 0 && errno != ENOENT)
		return -errno;

	int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	err = write_all(fd, file->content.bytes, file->content.length);
	if (!err && fchmod(fd, file->mode & 07777) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}
