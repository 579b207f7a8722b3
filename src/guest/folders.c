#include "folders.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Makes the first `length` bytes of `path`. */
static int make(const char *path, size_t length, mode_t mode)
{
	char part[PATH_MAX];

	if (length >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, length);
	part[length] = '\0';
	for (char *at = part; *at;) {
		at += strspn(at, "/");
		at += strcspn(at, "/");

		char after = *at;

		*at = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST) {
			/* A read-only or virtiofs parent may refuse before it looks whether the folder is there. */
			int err = errno;
			struct stat status;

			if (stat(part, &status) < 0)
				return -err;
		}
		*at = after;
	}
	return 0;
}

int folders_make(const char *path, mode_t mode)
{
	struct stat status;

	/* The common case, in one call; also the only way for a path that only stat() can follow. */
	if (stat(path, &status) < 0) {
		int err = make(path, strlen(path), mode);

		if (err)
			return err;
		if (stat(path, &status) < 0)
			return -errno;
	}
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int folders_make_parent(const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');

	return slash ? make(path, (size_t)(slash - path), mode) : 0;
}
