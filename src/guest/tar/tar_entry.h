/*
 * The parts of the tar format that copies need: headers of POSIX ("ustar") and of the older V7, extended records
 * ("pax") for values that do not fit into headers, and GNU's large numbers, long names and sparse files. An entry is a
 * header and its data, padded to whole blocks.
 */
#ifndef SMOLVM_TAR_ENTRY_H
#define SMOLVM_TAR_ENTRY_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define TAR_BLOCK 512
/* The largest file: 1 PiB. Adding the padding to this size never overflows. */
#define TAR_SIZE_MAX (1LL << 50)
/* The largest size of the extended records that tar_encode_pax() writes for an entry. */
#define TAR_PAX_MAX (2 * PATH_MAX + 512)

enum tar_type {
	TAR_FILE = '0',
	TAR_HARD_LINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHARACTER_DEVICE = '3',
	TAR_BLOCK_DEVICE = '4',
	TAR_FOLDER = '5',
	TAR_FIFO = '6',
	TAR_RESERVED = '7', /* treated as a file */
	TAR_GNU_FOLDER = 'D', /* the data lists the contents of the folder */
	TAR_GNU_LONG_LINK = 'K',
	TAR_GNU_LONG_NAME = 'L',
	TAR_GNU_SPARSE = 'S',
	TAR_GNU_VOLUME_LABEL = 'V',
	TAR_PAX_GLOBAL = 'g',
	TAR_PAX = 'x',
};

struct tar_sparse;

struct tar_entry {
	uint8_t type; /* an enum tar_type, or an unknown type */
	mode_t mode; /* only the permissions */
	uint32_t uid;
	uint32_t gid;
	int64_t size; /* bytes of data, up to TAR_SIZE_MAX */
	struct timespec mtime;
	char name[PATH_MAX];
	char link[PATH_MAX]; /* the target of a link */
};

/* Reads a header. -EBADMSG when the block is not a header, or has an invalid value. */
int tar_decode(struct tar_entry *entry, const uint8_t *block);
/*
 * Reads extended records, which override values of the header. Records of a sparse file go to `sparse`. `records` must
 * be followed by a NUL, and is modified.
 */
int tar_decode_pax(struct tar_entry *entry, struct tar_sparse *sparse, char *records, size_t length);

/* Writes a header. Values that do not fit are truncated, or 0 for numbers. */
void tar_encode(const struct tar_entry *entry, uint8_t *block);
/* Writes extended records for the values that do not fit in a header. Returns their size, at most TAR_PAX_MAX bytes. */
size_t tar_encode_pax(const struct tar_entry *entry, char *records);

/* The number of padding bytes after `size` bytes of data. */
static inline size_t tar_padding(int64_t size)
{
	return (size_t)(-size & (TAR_BLOCK - 1));
}

#endif
