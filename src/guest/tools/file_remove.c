#include "tools/file_remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int remove_any(int folder, const char *name, struct step *step);

/* Returns the number of removed files. It may skip some if removing files changes the order of readdir(). */
static int remove_below(DIR *files, struct step *step)
{
	struct dirent *file;
	int count = 0;

	while ((errno = 0, file = readdir(files))) {
		if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
			continue;

		int err = remove_any(dirfd(files), file->d_name, step);

		if (err == -ENOENT) /* another process has removed it */
			continue;
		if (err && !*step->text)
			step_begin(step, "%s", file->d_name);
		if (err)
			return err;
		count++;
	}
	return errno ? -errno : count;
}

/* Empties a folder. Reads it again until it is empty, because readdir() on a tmpfs of the host skips files. */
static int empty_folder(DIR *files, struct step *step)
{
	int count = remove_below(files, step);

	while (count > 0) {
		rewinddir(files);
		count = remove_below(files, step);
	}
	return count;
}

static int remove_any(int folder, const char *name, struct step *step)
{
	if (unlinkat(folder, name, 0) == 0 || (errno == EISDIR && unlinkat(folder, name, AT_REMOVEDIR) == 0))
		return 0;
	if (errno != ENOTEMPTY)
		return -errno;

	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);

	if (!files)
		return -errno;

	int err = empty_folder(files, step);

	closedir(files);
	if (err)
		return err;
	return unlinkat(folder, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int file_remove_all(const char *path, struct step *step)
{
	const char *slash = strrchr(path, '/');

	/* For "..", the kernel would report ENOTEMPTY even if the folder is empty. */
	if (strcmp(slash ? slash + 1 : path, "..") == 0)
		return -EINVAL;
	return remove_any(AT_FDCWD, path, step);
}
