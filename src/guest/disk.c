#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bytes.h"

#define BLOCKS_COUNT_LO 0x04
#define LOG_BLOCK_SIZE 0x18 /* 0 stands for 1 KiB */
#define BLOCKS_COUNT_HI 0x150

/* As in linux/ext4.h, which Debian 12 lacks. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

uint64_t disk_blocks_to_fill(const uint8_t *superblock, uint64_t device_bytes)
{
	uint64_t present = (uint64_t)get_u32(superblock + BLOCKS_COUNT_HI) << 32 | get_u32(superblock + BLOCKS_COUNT_LO);
	uint64_t possible = device_bytes >> (10 + get_u32(superblock + LOG_BLOCK_SIZE));

	return possible > present ? possible : 0;
}

static int read_device(int fd, uint8_t *superblock, uint64_t *bytes)
{
	if (ioctl(fd, BLKGETSIZE64, bytes) < 0)
		return -errno;

	ssize_t count = pread(fd, superblock, DISK_SUPERBLOCK_BYTES, DISK_SUPERBLOCK_OFFSET);

	if (count < 0)
		return -errno;
	return count == DISK_SUPERBLOCK_BYTES ? 0 : -EIO;
}

int disk_grow(const char *device, int folder)
{
	uint8_t superblock[DISK_SUPERBLOCK_BYTES];
	uint64_t bytes;
	int fd = open(device, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;

	int err = read_device(fd, superblock, &bytes);

	close(fd);
	if (err)
		return err;

	uint64_t blocks = disk_blocks_to_fill(superblock, bytes);

	return blocks > 0 && ioctl(folder, EXT4_IOC_RESIZE_FS, &blocks) < 0 ? -errno : 0;
}
