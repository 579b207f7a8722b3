/* Mounts taken from the boot folder while it is still the root, and attached to the guest's own root later. */
#ifndef SMOLVM_MOUNTS_H
#define SMOLVM_MOUNTS_H

#include <stddef.h>
#include <stdint.h>

/* Where `source` of protocol.h is in the boot folder; a tag is mounted for that. */
int mount_source(const char *source, uint32_t mount_flags, char *path, size_t size);
/* A detached copy of what is mounted at `path`: an fd or -errno. */
int mount_copy(const char *path, uint32_t mount_flags);
/* What is mounted at `path` itself: an fd or -errno. */
int mount_take(const char *path);
/* Attaches either at `target`, a folder or file made when missing. Closes the fd in each case. */
int mount_attach(int fd, const char *target);
/* Mounts a new tmpfs with those options at `target`. */
int mount_memory(const char *options, uint32_t mount_flags, const char *target);

#endif
