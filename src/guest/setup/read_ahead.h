/* The read-ahead of shares. */
#ifndef SMOLVM_READ_AHEAD_H
#define SMOLVM_READ_AHEAD_H

/*
 * Raises the read-ahead of the share at `path` above the kernel's default of 128 KiB: each request is a switch to the
 * host and back. `sysfs` is the path of /sys.
 */
void read_ahead_raise(const char *sysfs, const char *path);

#endif
