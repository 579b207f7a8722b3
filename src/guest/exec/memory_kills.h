/* Counts the processes that the kernel killed because memory ran out. */
#ifndef SMOLVM_MEMORY_KILLS_H
#define SMOLVM_MEMORY_KILLS_H

#include <stdbool.h>
#include <stdint.h>

/* The number of kills since the first call. */
uint64_t memory_kills(void);

/* Whether a record of /dev/kmsg reports such a kill. */
bool memory_kills_is_one(const char *record);

#endif
