#ifndef SMOLVM_FOLDERS_H
#define SMOLVM_FOLDERS_H

#include <sys/types.h>

/*
 * As `mkdir -p`, and what a symlink on the way points to is made too: images have links such as /var/run to a /run
 * that is not there. What exists is left as it is. -ENOTDIR when the path exists and is no folder.
 */
int folders_make(const char *path, mode_t mode);
/* The folder that `path` is in. */
int folders_make_parent(const char *path, mode_t mode);

#endif
