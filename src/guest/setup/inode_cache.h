/*
 * Keeps the kernel from knowing more files of the host's shares than the host can hold open: libkrun has a descriptor
 * open for each, and a listing fails when it runs out.
 */
#ifndef SMOLVM_INODE_CACHE_H
#define SMOLVM_INODE_CACHE_H

#include <stdint.h>

/* The host can hold `share_files` open; 0: any number. `settings` is the kernel's /proc/sys, of which files are kept open. */
void inode_cache_limit(const char *settings, uint32_t share_files);
/* Has the kernel forget what nobody uses if it knows too much. The time to the next call in ms, -1: none is needed. */
int inode_cache_check(void);

#endif
