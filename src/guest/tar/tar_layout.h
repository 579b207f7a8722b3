/* The layout of a header. */
#ifndef SMOLVM_TAR_LAYOUT_H
#define SMOLVM_TAR_LAYOUT_H

#include <stdint.h>

#include "tar/tar_entry.h"

struct tar_layout {
	char name[100];
	uint8_t mode[8];
	uint8_t uid[8];
	uint8_t gid[8];
	uint8_t size[12];
	uint8_t mtime[12];
	uint8_t checksum[8]; /* computed with spaces in this field */
	uint8_t type;
	char link[100];
	char magic[6]; /* POSIX: "ustar"; GNU: "ustar ", without a prefix */
	char version[2];
	char user[32];
	char group[32];
	uint8_t device[16];
	char prefix[155];
	uint8_t unused[12];
};

_Static_assert(sizeof(struct tar_layout) == TAR_BLOCK, "a header is one block");

static inline uint32_t tar_checksum(const struct tar_layout *header)
{
	uint32_t sum = 8 * ' ';

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += ((const uint8_t *)header)[i];
	for (size_t i = 0; i < sizeof(header->checksum); i++)
		sum -= header->checksum[i];
	return sum;
}

/* Octal digits, possibly between spaces; or, if the first bit is set, a base-256 number, which may be negative. */
int tar_decode_number(const uint8_t *field, size_t size, int64_t *value);
/* One or more decimal digits of a number up to `limit`; moves `text` behind them. */
int tar_decode_decimal(int64_t *number, const char **text, int64_t limit);

#endif
