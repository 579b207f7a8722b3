#ifndef SMOLVM_TAR_CREATE_H
#define SMOLVM_TAR_CREATE_H

#include <stdbool.h>

#include "step.h"

/*
 * Writes an archive of `path` to `out`: a file, or a folder with all that is below it, named `name` in there. With
 * `follow` a link at `path` stands for what it leads to; all others are copied as links. What has no content to copy,
 * sockets and devices, is left out and told of on standard error, and the kernel's file systems are copied as empty
 * folders. Upon failure the step is what was being read, or empty for `path` itself. -ESTALE: a file has shrunk;
 * -EOPNOTSUPP: `path` is a socket or a device.
 */
int tar_create(int out, const char *path, const char *name, bool follow, struct step *step);

#endif
