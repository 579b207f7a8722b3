/*
 * Keeps the kernel from caching more inodes of the host's shares than the host can hold open: libkrun holds a file
 * descriptor for each, and listing a folder fails when it runs out of them.
 */
#ifndef SMOLVM_INODE_CACHE_H
#define SMOLVM_INODE_CACHE_H

#include <stdint.h>

/* The host can hold `share_files` files open; 0: no limit. `settings` is /proc/sys; two of its files stay open. */
void inode_cache_limit(const char *settings, uint32_t share_files);
/* Drops unused inodes if the kernel caches too many. Returns the time until the next call in ms, or -1 for never. */
int inode_cache_check(void);

#endif
