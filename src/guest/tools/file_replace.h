#ifndef SMOLVM_FILE_REPLACE_H
#define SMOLVM_FILE_REPLACE_H

#include <sys/types.h>

#define FILE_MODE_KEPT ((mode_t)-1)

/*
 * Writes a file from the input `in`. The input is parts of at most 64 KiB, each after its length (four bytes,
 * little-endian); an empty part ends it. When the new file is complete it replaces an existing file and takes over its
 * owner. With FILE_MODE_KEPT it also takes over the permissions, or gets 0644. The target of a link is replaced, not
 * the link, unless the link is dangling. -ENODATA when the input is truncated; -EISDIR or -EOPNOTSUPP when `path`
 * exists and is not a file.
 */
int file_replace(int in, const char *path, mode_t mode);

#endif
