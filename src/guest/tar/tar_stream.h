/* Tar archives as streams of entries. */
#ifndef SMOLVM_TAR_STREAM_H
#define SMOLVM_TAR_STREAM_H

#include "tar/tar_entry.h"
#include "tar/tar_sparse.h"

/* An archive that is read from `fd`. Initialize with `fd` set and the rest zero. */
struct tar_reader {
	int fd;
	int64_t left; /* unread bytes of data of the current entry */
	size_t padding; /* bytes of padding after the data */
	struct tar_sparse sparse; /* the map of the data, if the current entry is a sparse file */
};

/*
 * Reads the next entry, with its extended headers; skips volume labels. Returns 1, or 0 at the end of the archive,
 * -ENODATA when the archive is truncated, -EBADMSG when it is invalid.
 */
int tar_next(struct tar_reader *reader, struct tar_entry *entry);
/* Reads data of the current entry. Returns the number of bytes, 0 at the end of the data, or errors like tar_next(). */
ssize_t tar_read(struct tar_reader *reader, void *data, size_t size);

/* Reads the input after the end of the archive, so that its writer can finish and report an error. */
int tar_read_rest(struct tar_reader *reader);
/* Frees the reader's memory. */
void tar_reader_end(struct tar_reader *reader);

/* Writes the headers of an entry. The caller writes the data and then tar_padding() zeros. */
int tar_write_entry(int fd, const struct tar_entry *entry);
int tar_write_end(int fd);

#endif
