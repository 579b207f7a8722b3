#ifndef SMOLVM_TAR_CREATE_H
#define SMOLVM_TAR_CREATE_H

#include <stdbool.h>

#include "base/step.h"

/*
 * Writes an archive of `path` to `out`: a file, or a folder with all that is below it, named `name` in there. With
 * `follow` a link at `path` stands for what it leads to; all others are copied as links. What has no content to copy,
 * sockets and devices, is left out and told of on standard error, and the kernel's file systems below `path` are copied
 * as empty folders. So is each file that cannot be read, or changes meanwhile: others than it may still be copied. One
 * that becomes shorter is filled up with zeros, one that grows is copied up to where it ended. Returns how many these
 * are, or why nothing more could be done; the step is then what was being read, or empty for `path` itself: -ESTALE when `path` itself has become shorter, -EOPNOTSUPP when it is a socket
 * or a device, -ENOMEDIUM when it is a folder that the kernel makes up.
 */
int tar_create(int out, const char *path, const char *name, bool follow, struct step *step);

#endif
