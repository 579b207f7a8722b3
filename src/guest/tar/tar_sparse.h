/*
 * Sparse files in archives. The archive contains the data of a file's parts one after the other, and a map has the
 * offset and size of each part; between them are holes. GNU tar has four formats for the map: its own headers, pax
 * records with single numbers (0.0) or one list (0.1), and a map before the data (1.0).
 */
#ifndef SMOLVM_TAR_SPARSE_H
#define SMOLVM_TAR_SPARSE_H

#include <stdbool.h>

#include "tar/tar_entry.h"

#define TAR_SPARSE_PREFIX "GNU.sparse." /* prefix of the keys of pax records */
/* The most parts of a file: their map takes 16 MiB. */
#define TAR_PARTS_MAX (1024 * 1024)

struct tar_part {
	int64_t offset;
	int64_t size;
};

struct tar_sparse {
	bool is_sparse;
	bool has_map_in_data;
	int64_t size; /* of the file, holes included */
	int64_t next_offset; /* offset of the part whose size is in the next record */
	struct tar_part *parts; /* ordered by offset; on the heap */
	size_t count;
	size_t room;
	char name[PATH_MAX]; /* the file's name; empty if the entry has it */
};

/* Resets the state for the next file, which is not sparse until shown otherwise; frees the previous map. */
void tar_sparse_reset(struct tar_sparse *sparse);
/* Handles a pax record, whose key is given without its prefix. -EBADMSG for an invalid record. */
int tar_sparse_record(struct tar_sparse *sparse, const char *key, const char *value);
/*
 * Handle a block of GNU's own format: the header, and the extension blocks that follow it while `*goes_on` is true.
 */
int tar_sparse_header(struct tar_sparse *sparse, const uint8_t *block, bool *goes_on);
int tar_sparse_extension(struct tar_sparse *sparse, const uint8_t *block, bool *goes_on);
/* Adds a part. -EBADMSG unless it is behind all earlier parts, -EFBIG when there are too many. */
int tar_sparse_add(struct tar_sparse *sparse, int64_t offset, int64_t size);
/* -EBADMSG unless all parts are within the file and have `data` bytes in total. */
int tar_sparse_check(const struct tar_sparse *sparse, int64_t data);

#endif
