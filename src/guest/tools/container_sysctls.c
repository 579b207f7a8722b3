#include "tools/container_sysctls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int set_sysctl(const char *path, const char *value, size_t length)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "/proc/sys/%s", path);

	int fd = open(file, O_WRONLY | O_CLOEXEC);
	int err = fd < 0 || write(fd, value, length) < 0 ? -errno : 0;

	if (err)
		fprintf(stderr, "smolvm: cannot set the sysctl %s: %s\n", path, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

int sysctls_set(char *text)
{
	if (!strcmp(text, "-"))
		return 0;
	while (*text) {
		char *value = strchr(text, '=');

		if (!value)
			return -EINVAL;
		*value++ = '\0';

		size_t length = strcspn(value, "\n");
		int err = set_sysctl(text, value, length);

		if (err)
			return err;
		text = value + length + (value[length] ? 1 : 0);
	}
	return 0;
}
