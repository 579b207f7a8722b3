#include "setup/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/bytes.h"

#define BLOCKS_COUNT_LO 0x04
#define LOG_BLOCK_SIZE 0x18 /* 0 means 1 KiB */
#define FEATURE_INCOMPAT 0x60
#define BLOCKS_COUNT_HI 0x150

#define INCOMPAT_RECOVER 0x4

/* As in linux/ext4.h, which Debian 12 lacks. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

bool disk_needs_recovery(const uint8_t *superblock)
{
	return get_u32(superblock + FEATURE_INCOMPAT) & INCOMPAT_RECOVER;
}

uint64_t disk_blocks_to_fill(const uint8_t *superblock, uint64_t device_bytes)
{
	uint64_t present = (uint64_t)get_u32(superblock + BLOCKS_COUNT_HI) << 32 | get_u32(superblock + BLOCKS_COUNT_LO);
	uint64_t possible = device_bytes >> (10 + get_u32(superblock + LOG_BLOCK_SIZE));

	return possible > present ? possible : 0;
}

static int read_fd(int fd, uint8_t *superblock, uint64_t *bytes)
{
	if (ioctl(fd, BLKGETSIZE64, bytes) < 0)
		return -errno;

	ssize_t count = pread(fd, superblock, DISK_SUPERBLOCK_BYTES, DISK_SUPERBLOCK_OFFSET);

	if (count < 0)
		return -errno;
	return count == DISK_SUPERBLOCK_BYTES ? 0 : -EIO;
}

static int read_device(const char *device, uint8_t *superblock, uint64_t *bytes)
{
	int fd = open(device, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;

	int err = read_fd(fd, superblock, bytes);

	close(fd);
	return err;
}

static int recover(const char *device, const char *folder)
{
	return mount(device, folder, "ext4", 0, NULL) < 0 || umount2(folder, 0) < 0 ? -errno : 0;
}

int disk_mount(const char *device, const char *folder, struct step *step)
{
	uint8_t superblock[DISK_SUPERBLOCK_BYTES];
	uint64_t bytes;

	step_begin(step, "mount the disk %s", device);

	int err = read_device(device, superblock, &bytes);

	/*
	 * The kernel (6.12) counts the block groups before it replays the journal. After an interrupted resize it may
	 * count too few, and resizing then hits a BUG(). The next mount counts correctly.
	 */
	if (!err && disk_needs_recovery(superblock)) {
		err = recover(device, folder);
		if (!err)
			err = read_device(device, superblock, &bytes);
	}
	if (err)
		return err;
	if (mount(device, folder, "ext4", 0, NULL) < 0)
		return -errno;

	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	step_begin(step, "grow the disk's file system");

	uint64_t blocks = disk_blocks_to_fill(superblock, bytes);

	return blocks > 0 && ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0 ? -errno : fd;
}
