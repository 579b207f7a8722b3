#ifndef SMOLVM_TAR_CREATE_H
#define SMOLVM_TAR_CREATE_H

#include <stdbool.h>

#include "base/step.h"

/*
 * Writes an archive of `path` to `out`: a file, or a folder with everything below it. `path` is named `name` in the
 * archive. With `follow`, a link at `path` is followed; all other links are copied as links.
 *
 * Sockets and devices are left out, and virtual file systems of the kernel below `path` are copied as empty folders.
 * Files that cannot be read are left out. A file that becomes shorter meanwhile is padded with zeros, and a file that
 * grows is copied up to its earlier size. Warnings on standard error name all of these except files that grow.
 *
 * Returns the number of files that could not be read or became shorter, or -errno if the archive cannot be completed;
 * `step` is then the file that was being read, or empty for `path` itself. For `path` itself: -ESTALE when it has
 * become shorter, -EOPNOTSUPP for a socket or a device, -ENOMEDIUM for a folder of a virtual file system.
 */
int tar_create(int out, const char *path, const char *name, bool follow, struct step *step);

#endif
