/* FUSE requests to the host's file share, past the guest's kernel, with whatever names and offsets the caller likes. */
#ifndef ATTACK_FUSE_H
#define ATTACK_FUSE_H

#include <stddef.h>
#include <stdint.h>

#define FUSE_SHARE_ROOT 1

struct fuse_node {
	uint64_t id;
	uint32_t mode;
};

/* All return 0 or -errno: of /dev/mem, of the host, or -ETIMEDOUT. */

int fuse_open_device(void);
int fuse_lookup(uint64_t folder, const char *name, struct fuse_node *node);
int fuse_read_link(uint64_t node, char *text, size_t size);
int fuse_symlink(uint64_t folder, const char *name, const char *target);
/* `names` in one line. */
int fuse_list(uint64_t node, char *names, size_t size);
/* The first bytes of a file. */
int fuse_read(uint64_t node, char *text, size_t size);
/* Writes over a file's first bytes. */
int fuse_write(uint64_t node, const char *text);
int fuse_create(uint64_t folder, const char *name, const char *text);
/* Maps a page of a file at an offset of the device's window into the memory of the host's process. */
int fuse_map(uint64_t node, uint64_t offset);

#endif
