/* The machine's disk: an ext4 file system on a device that may be larger than it. */
#ifndef SMOLVM_DISK_H
#define SMOLVM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/step.h"

/* The superblock as on the device: where it begins, and as much of it as is read here, in bytes. */
#define DISK_SUPERBLOCK_OFFSET 1024
#define DISK_SUPERBLOCK_BYTES 1024

/* Whether the file system's journal holds what is not in its place yet: its last user did not unmount it. */
bool disk_needs_recovery(const uint8_t *superblock);
/* The number of blocks that fill a device of that size, or 0 when the file system has as many. */
uint64_t disk_blocks_to_fill(const uint8_t *superblock, uint64_t device_bytes);
/*
 * Mounts the file system, makes it as large as its device, and returns an fd of its root folder. Every step of the
 * kernel's is a transaction: what an end of the VM interrupts, the next call completes. A rest of the device that is
 * too small for a block group's own tables (some 2 MiB) stays unused.
 */
int disk_mount(const char *device, const char *folder, struct step *step);

#endif
