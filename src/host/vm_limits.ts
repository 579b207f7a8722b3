/**
 * What a VM can be given, on any host.
 *
 * @module
 */

/** libkrunfw's kernel is built for 16. */
export const MAX_CPUS = 16;
/** The kernel does not fit in less. */
export const MIN_MEMORY_MIB = 128;
/** libkrun takes a u32; 16 TiB is past any host. */
export const MAX_MEMORY_MIB = 16 * 1024 * 1024;
