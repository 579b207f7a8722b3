#ifndef SMOLVM_FOLDERS_H
#define SMOLVM_FOLDERS_H

#include <sys/types.h>

/*
 * Like `mkdir -p`, but also creates the missing targets of symlinks in the path: images have links such as /var/run to
 * a missing /run. Existing folders are left unchanged. -ENOTDIR when the path exists and is not a folder.
 */
int folders_make(const char *path, mode_t mode);
/* Creates the parent folder of `path`. */
int folders_make_parent(const char *path, mode_t mode);

#endif
