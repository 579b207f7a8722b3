#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

int temporary_name(char name[TEMPORARY_MAX])
{
	unsigned long long random;

	if (getrandom(&random, sizeof(random), 0) < 0)
		return -errno;
	snprintf(name, TEMPORARY_MAX, ".smolvm-%016llx", random);
	return 0;
}

int temporary_open(int folder, const char *name)
{
	int fd = openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int temporary_link(int fd, int folder, const char *name)
{
	char unnamed[32];

	snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, unnamed, folder, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int temporary_move(int folder, const char *name, const char *place)
{
	int err = renameat(folder, name, folder, place) < 0 ? -errno : 0;

	/* rename() leaves the name behind when it fails, and when both are names of the same file. */
	unlinkat(folder, name, 0);
	return err;
}
