/* Processes that the kernel killed because memory ran out. */
#ifndef SMOLVM_MEMORY_KILLS_H
#define SMOLVM_MEMORY_KILLS_H

#include <stdbool.h>
#include <stdint.h>

/* How many there were since the first call. */
uint64_t memory_kills(void);

/* Whether a record of /dev/kmsg tells of such a kill. */
bool memory_kills_is_one(const char *record);

#endif
