#ifndef SMOLVM_FILE_REPLACE_H
#define SMOLVM_FILE_REPLACE_H

#include <sys/types.h>

#define FILE_MODE_KEPT ((mode_t)-1)

/*
 * Makes a file of what is read from `in`: parts, each of at most 64 KiB after its length in four bytes, little-endian,
 * up to an empty one. It takes the place of a file that is there when it is complete, and has that one's owner; with
 * FILE_MODE_KEPT also its permissions, or 0644. What a link leads to is replaced, not the link, unless it leads
 * nowhere. -ENODATA for an input that breaks off; -EOPNOTSUPP in place of what is neither file nor folder.
 */
int file_replace(int in, const char *path, mode_t mode);

#endif
