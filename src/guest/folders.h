#ifndef SMOLVM_FOLDERS_H
#define SMOLVM_FOLDERS_H

#include <sys/types.h>

/*
 * As `mkdir -p`: symlinks on the way are followed, what exists is left as it is. -ENOTDIR when the path exists and is
 * no folder.
 */
int folders_make(const char *path, mode_t mode);
/* The folder that `path` is in. */
int folders_make_parent(const char *path, mode_t mode);

#endif
