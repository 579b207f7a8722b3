/* Tar archives as streams of entries. */
#ifndef SMOLVM_TAR_STREAM_H
#define SMOLVM_TAR_STREAM_H

#include "tar/tar_entry.h"
#include "tar/tar_sparse.h"

/* An archive that is read from `fd`; zeroed but for that. */
struct tar_reader {
	int fd;
	int64_t left; /* data of the current entry that nobody has read yet */
	size_t padding; /* what follows it */
	struct tar_sparse sparse; /* where that data goes, if the current entry is a sparse file */
};

/*
 * The next entry, with all that extends it; labels of volumes are none. 1, or 0 at the end; -ENODATA when the archive
 * breaks off, -EBADMSG when it is none.
 */
int tar_next(struct tar_reader *reader, struct tar_entry *entry);
/* Data of the current entry: how many bytes, 0 after its last; or as tar_next(). */
ssize_t tar_read(struct tar_reader *reader, void *data, size_t size);

/* Reads what follows the end of the archive, for those who write it: they may have an error to tell of at their end. */
int tar_read_rest(struct tar_reader *reader);
/* Frees what a reader has on the heap. */
void tar_reader_end(struct tar_reader *reader);

/* Writes an entry up to its data; those who write that fill it up with tar_padding() zeros. */
int tar_write_entry(int fd, const struct tar_entry *entry);
int tar_write_end(int fd);

#endif
