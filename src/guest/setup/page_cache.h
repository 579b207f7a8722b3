/*
 * Gives memory back to the host that only caches files, when the guest has done nothing for a while: most of these files
 * are in the host's own cache. The kernel reports its free pages to the host, but drops no cache by itself as long as it
 * has memory.
 */
#ifndef SMOLVM_PAGE_CACHE_H
#define SMOLVM_PAGE_CACHE_H

#include <stdint.h>

/* `proc` is where /proc is: files of it are kept open. */
void page_cache_watch(const char *proc);
/* Has the kernel drop its cache if it is time to. The time to the next call in ms, -1: none is needed. */
int page_cache_check(int64_t now_ms);

#endif
