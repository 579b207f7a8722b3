/*
 * Returns the memory of the file cache to the host when the guest is idle: most of these files are also in the host's
 * cache. The kernel reports free pages to the host, but keeps its cache while it has enough memory.
 */
#ifndef SMOLVM_PAGE_CACHE_H
#define SMOLVM_PAGE_CACHE_H

#include <stdint.h>

/* `proc` is the path of /proc; three of its files stay open. */
void page_cache_watch(const char *proc);
/* Drops the cache if the guest is idle. Returns the time until the next call in ms, or -1 for never. */
int page_cache_check(int64_t now_ms);

#endif
