/*
 * Sparse files in archives: a map says where in the file the parts are whose data the archive holds, one behind the
 * other; between them are holes. GNU tar has written it in four ways: in headers of its own, in pax records as numbers
 * or as one list (0.0 and 0.1), and before the data (1.0).
 */
#ifndef SMOLVM_TAR_SPARSE_H
#define SMOLVM_TAR_SPARSE_H

#include <stdbool.h>

#include "tar/tar_entry.h"

#define TAR_SPARSE_PREFIX "GNU.sparse." /* of the keys of its records */
/* More parts no file has here: their map takes 16 MiB. */
#define TAR_PARTS_MAX (1024 * 1024)

struct tar_part {
	int64_t offset;
	int64_t size;
};

struct tar_sparse {
	bool is_sparse;
	bool has_map_in_data;
	int64_t size; /* of the file, holes included */
	int64_t next_offset; /* of the part whose size is the next record */
	struct tar_part *parts; /* in the file's order; on the heap */
	size_t count;
	size_t room;
	char name[PATH_MAX]; /* the file's own; empty where the entry has it */
};

/* Begins with a file that is not sparse; frees the map of the one before. */
void tar_sparse_reset(struct tar_sparse *sparse);
/* Takes a record of the pax format; the key is without its prefix. -EBADMSG for one that cannot be. */
int tar_sparse_record(struct tar_sparse *sparse, const char *key, const char *value);
/*
 * Takes a block of GNU's own format: the header, or one of those that follow it while `*goes_on`.
 */
int tar_sparse_header(struct tar_sparse *sparse, const uint8_t *block, bool *goes_on);
int tar_sparse_extension(struct tar_sparse *sparse, const uint8_t *block, bool *goes_on);
/* Adds a part behind those that are there. -EBADMSG unless it is behind them, -EFBIG when there are too many. */
int tar_sparse_add(struct tar_sparse *sparse, int64_t offset, int64_t size);
/* -EBADMSG unless all parts are in the file, and have that many bytes together. */
int tar_sparse_check(const struct tar_sparse *sparse, int64_t data);

#endif
