/* Mounts that are taken from the boot folder while it is the root, and later attached to the guest's root. */
#ifndef SMOLVM_MOUNTS_H
#define SMOLVM_MOUNTS_H

#include <stddef.h>
#include <stdint.h>

/* Resolves a source (see protocol.h) to a `path` in the boot folder; mounts it if it is a tag. */
int mount_source(const char *source, uint32_t mount_flags, char *path, size_t size);
/* A detached copy of the mount at `path`: an fd or -errno. */
int mount_copy(const char *path, uint32_t mount_flags);
/* The mount at `path` itself: an fd or -errno. */
int mount_take(const char *path);
/* Attaches either mount at `target`, which is created if missing. Closes the fd in each case. */
int mount_attach(int fd, const char *target);
/* Mounts a new tmpfs with those options at `target`. */
int mount_memory(const char *options, uint32_t mount_flags, const char *target);

#endif
