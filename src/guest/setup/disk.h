/* The machine's disk: an ext4 file system on a device that may be larger than the file system. */
#ifndef SMOLVM_DISK_H
#define SMOLVM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/step.h"

/* The superblock: its offset on the device, and how much of it this code reads, in bytes. */
#define DISK_SUPERBLOCK_OFFSET 1024
#define DISK_SUPERBLOCK_BYTES 1024

/* Whether the journal must be replayed, because the file system was not unmounted. */
bool disk_needs_recovery(const uint8_t *superblock);
/* The number of blocks that fill a device of that size, or 0 when the file system already fills it. */
uint64_t disk_blocks_to_fill(const uint8_t *superblock, uint64_t device_bytes);
/*
 * Mounts the file system, grows it to the size of its device, and returns an fd of its root folder. The kernel grows it
 * in transactions: if the VM ends meanwhile, the next call continues. A remainder of the device that is too small for
 * the tables of a block group (about 2 MiB) stays unused.
 */
int disk_mount(const char *device, const char *folder, struct step *step);

#endif
