/* Reads and writes that continue after short ones. */
#ifndef SMOLVM_TRANSFER_H
#define SMOLVM_TRANSFER_H

#include <stddef.h>
#include <sys/types.h>

int write_all(int fd, const void *data, size_t size);
/* Returns the number of bytes read, less than `size` only at the end of the file; or -errno. */
ssize_t read_all(int fd, void *data, size_t size);

#endif
