#include "base/transfer.h"

#include <errno.h>
#include <unistd.h>

int write_all(int fd, const void *data, size_t size)
{
	for (const char *at = data; size > 0;) {
		ssize_t count = write(fd, at, size);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count > 0) {
			at += count;
			size -= (size_t)count;
		}
	}
	return 0;
}

ssize_t read_all(int fd, void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t count = read(fd, (char *)data + done, size - done);

		if (count == 0)
			break;
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count > 0)
			done += (size_t)count;
	}
	return (ssize_t)done;
}
