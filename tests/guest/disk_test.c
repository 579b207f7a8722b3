#include <string.h>

#include "base/bytes.h"
#include "setup/disk.h"
#include "test.h"

#define MIB (1ULL << 20)
#define TIB (1ULL << 40)

/* The superblock of a file system of `blocks` blocks of `1024 << log_block_size` bytes. */
static const uint8_t *superblock(uint64_t blocks, uint32_t log_block_size)
{
	static uint8_t bytes[DISK_SUPERBLOCK_BYTES];

	memset(bytes, 0xff, sizeof(bytes));
	put_u32(bytes + 0x04, (uint32_t)blocks);
	put_u32(bytes + 0x18, log_block_size);
	put_u32(bytes + 0x150, (uint32_t)(blocks >> 32));
	return bytes;
}

static void larger_devices(void)
{
	CHECK_INT(disk_blocks_to_fill(superblock(128 * MIB / 4096, 2), 300 * MIB), 300 * MIB / 4096);
	CHECK_INT(disk_blocks_to_fill(superblock(128 * MIB / 1024, 0), 300 * MIB), 300 * MIB / 1024);
	CHECK_INT(disk_blocks_to_fill(superblock(128 * MIB / 4096, 2), 128 * MIB + 8191), 128 * MIB / 4096 + 1);
}

static void filled_devices(void)
{
	CHECK_INT(disk_blocks_to_fill(superblock(128 * MIB / 4096, 2), 128 * MIB), 0);
	CHECK_INT(disk_blocks_to_fill(superblock(128 * MIB / 4096, 2), 128 * MIB + 4095), 0);
	CHECK_INT(disk_blocks_to_fill(superblock(128 * MIB / 4096, 2), 64 * MIB), 0);
}

static void counts_of_64_bits(void)
{
	CHECK_INT(disk_blocks_to_fill(superblock(16 * TIB / 4096, 2), 16 * TIB), 0);
	CHECK_INT(disk_blocks_to_fill(superblock(16 * TIB / 4096, 2), 17 * TIB), 17 * TIB / 4096);
}

static void journals(void)
{
	uint8_t bytes[DISK_SUPERBLOCK_BYTES];

	memset(bytes, 0xff, sizeof(bytes));
	CHECK(disk_needs_recovery(bytes));
	bytes[0x60] = 0xfb;
	CHECK(!disk_needs_recovery(bytes));
}

int main(void)
{
	static const struct test tests[] = {
		{ "disk_blocks_to_fill() counts the blocks of a larger device", larger_devices },
		{ "disk_blocks_to_fill() is 0 for a device without room for another block", filled_devices },
		{ "disk_blocks_to_fill() counts past 32 bits", counts_of_64_bits },
		{ "disk_needs_recovery() depends only on the journal", journals },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
