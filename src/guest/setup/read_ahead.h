/* How much of a share's file is read at once. */
#ifndef SMOLVM_READ_AHEAD_H
#define SMOLVM_READ_AHEAD_H

/*
 * Has the kernel read more at once of the share at `path` than the 128 KiB that are its default: each request is a
 * switch to the host and back. `sysfs` is where /sys is.
 */
void read_ahead_raise(const char *sysfs, const char *path);

#endif
