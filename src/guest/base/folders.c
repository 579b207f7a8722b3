#include "base/folders.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* the kernel's limit */

static int make(const char *path, mode_t mode, int links_left);

/* Creates the target of the symlink `link`. */
static int make_link_target(const char *link, mode_t mode, int links_left)
{
	char target[PATH_MAX], path[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	if (length < 0)
		return -errno;
	target[length] = '\0';
	if (links_left == 0)
		return -ELOOP;

	const char *slash = strrchr(link, '/');
	int parent = target[0] == '/' || !slash ? 0 : (int)(slash - link) + 1;

	if (snprintf(path, sizeof(path), "%.*s%s", parent, link, target) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return make(path, mode, links_left - 1);
}

static int make_one(const char *path, mode_t mode, int links_left)
{
	struct stat status;

	if (mkdir(path, mode) == 0)
		return 0;

	/* Not only after EEXIST: with a read-only parent, mkdir() may fail with EROFS although the folder exists. */
	int err = -errno;

	if (stat(path, &status) == 0)
		return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
	if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
		return make_link_target(path, mode, links_left);
	return err;
}

static int make(const char *path, mode_t mode, int links_left)
{
	char part[PATH_MAX];
	int err = 0;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	for (char *at = part; !err && *at;) {
		at += strspn(at, "/");
		at += strcspn(at, "/");

		char after = *at;

		*at = '\0';
		err = make_one(part, mode, links_left);
		*at = after;
	}
	return err;
}

int folders_make(const char *path, mode_t mode)
{
	return make(path, mode, LINKS_MAX);
}

int folders_make_parent(const char *path, mode_t mode)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return 0;
	if (snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path) >= (int)sizeof(parent))
		return -ENAMETOOLONG;
	return make(parent, mode, LINKS_MAX);
}
