/*
 * The tar format, as far as copies need it: headers of POSIX ("ustar") and of V7 before it, extended records ("pax") for
 * what does not fit into them, GNU's large numbers, long names and sparse files. An entry is a header and then its data,
 * filled up to whole blocks.
 */
#ifndef SMOLVM_TAR_ENTRY_H
#define SMOLVM_TAR_ENTRY_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define TAR_BLOCK 512
/* No file is larger: 1 PiB. What is added to it to fill a block never overflows. */
#define TAR_SIZE_MAX (1LL << 50)
/* What the extended records of an entry that we write take at most. */
#define TAR_PAX_MAX (2 * PATH_MAX + 512)

enum tar_type {
	TAR_FILE = '0',
	TAR_HARD_LINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHARACTER_DEVICE = '3',
	TAR_BLOCK_DEVICE = '4',
	TAR_FOLDER = '5',
	TAR_FIFO = '6',
	TAR_RESERVED = '7', /* a file, to those who do not know better */
	TAR_GNU_FOLDER = 'D', /* its data says what was in it */
	TAR_GNU_LONG_LINK = 'K',
	TAR_GNU_LONG_NAME = 'L',
	TAR_GNU_SPARSE = 'S',
	TAR_GNU_VOLUME_LABEL = 'V',
	TAR_PAX_GLOBAL = 'g',
	TAR_PAX = 'x',
};

struct tar_sparse;

struct tar_entry {
	uint8_t type; /* an enum tar_type, or what we know nothing of */
	mode_t mode; /* permissions alone */
	uint32_t uid;
	uint32_t gid;
	int64_t size; /* bytes of data, up to TAR_SIZE_MAX */
	struct timespec mtime;
	char name[PATH_MAX];
	char link[PATH_MAX]; /* what a link leads to */
};

/* Reads a header. -EBADMSG when it is none, or holds what cannot be. */
int tar_decode(struct tar_entry *entry, const uint8_t *block);
/*
 * What records say takes the place of what the header says; they are changed, and must be followed by a NUL. Those of a
 * sparse file go to `sparse`.
 */
int tar_decode_pax(struct tar_entry *entry, struct tar_sparse *sparse, char *records, size_t length);

/* Writes a header; what does not fit in it is cut off. */
void tar_encode(const struct tar_entry *entry, uint8_t *block);
/* Writes records of what tar_encode() cuts off, of TAR_PAX_MAX bytes at most; how many. */
size_t tar_encode_pax(const struct tar_entry *entry, char *records);

/* How many bytes follow that many of data, up to a whole block. */
static inline size_t tar_padding(int64_t size)
{
	return (size_t)(-size & (TAR_BLOCK - 1));
}

#endif
