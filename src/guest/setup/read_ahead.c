#include "setup/read_ahead.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Reads a large file in two thirds of the time. More gains little, and fills memory with unneeded data. */
#define KIB "512"

void read_ahead_raise(const char *sysfs, const char *path)
{
	char setting[PATH_MAX];
	struct stat status;

	if (stat(path, &status) < 0)
		return;
	snprintf(setting, sizeof(setting), "%s/class/bdi/%u:%u/read_ahead_kb", sysfs, major(status.st_dev),
		 minor(status.st_dev));

	int fd = open(setting, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* Reads are slower then. */
	if (write(fd, KIB, sizeof(KIB) - 1) < 0)
		perror("smolvm-agent: cannot set how much is read ahead");
	close(fd);
}
