/* Tar archives as streams of entries. */
#ifndef SMOLVM_TAR_STREAM_H
#define SMOLVM_TAR_STREAM_H

#include "tar_entry.h"

/* An archive that is read from `fd`; zeroed but for that. */
struct tar_reader {
	int fd;
	int64_t left; /* data of the current entry that nobody has read yet */
	size_t padding; /* what follows it */
};

/*
 * The next entry, with all that extends it. 1, or 0 at the end; -ENODATA when the archive breaks off, -EBADMSG when it
 * is none, -EOPNOTSUPP for a sparse file.
 */
int tar_next(struct tar_reader *reader, struct tar_entry *entry);
/* Data of the current entry: how many bytes, 0 after its last; or as tar_next(). */
ssize_t tar_read(struct tar_reader *reader, void *data, size_t size);

/* Writes an entry up to its data; those who write that fill it up with tar_padding() zeros. */
int tar_write_entry(int fd, const struct tar_entry *entry);
int tar_write_end(int fd);

#endif
