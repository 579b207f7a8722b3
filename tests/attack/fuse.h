/* FUSE requests to the host's file share that bypass the guest's kernel, with any names and offsets. */
#ifndef ATTACK_FUSE_H
#define ATTACK_FUSE_H

#include <stddef.h>
#include <stdint.h>

#define FUSE_SHARE_ROOT 1

struct fuse_node {
	uint64_t id;
	uint32_t mode;
};

/* All return 0 or -errno: the error of /dev/mem or of the host, or -ETIMEDOUT. */

int fuse_open_device(void);
int fuse_lookup(uint64_t folder, const char *name, struct fuse_node *node);
int fuse_read_link(uint64_t node, char *text, size_t size);
int fuse_symlink(uint64_t folder, const char *name, const char *target);
/* Writes the names to one line. */
int fuse_list(uint64_t node, char *names, size_t size);
/* Reads the first bytes of a file. */
int fuse_read(uint64_t node, char *text, size_t size);
/* Overwrites the first bytes of a file. */
int fuse_write(uint64_t node, const char *text);
int fuse_create(uint64_t folder, const char *name, const char *text);
/* Maps a page of a file at an offset of the device's window into the memory of the host's process. */
int fuse_map(uint64_t node, uint64_t offset);

#endif
