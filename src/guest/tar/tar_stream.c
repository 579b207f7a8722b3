#include "tar/tar_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/transfer.h"

/* The largest extension of an entry: an image's extended attributes may be 64 KiB each. */
#define EXTENSION_MAX (256 * 1024)

static const uint8_t zeros[2 * TAR_BLOCK];

/* Reads `size` bytes; -ENODATA when the archive ends before. */
static int read_part(struct tar_reader *reader, void *data, size_t size)
{
	ssize_t count = read_all(reader->fd, data, size);

	if (count < 0)
		return (int)count;
	return (size_t)count == size ? 0 : -ENODATA;
}

ssize_t tar_read(struct tar_reader *reader, void *data, size_t size)
{
	if (reader->left < (int64_t)size)
		size = (size_t)reader->left;

	int err = read_part(reader, data, size);

	if (err)
		return err;
	reader->left -= (int64_t)size;
	return (ssize_t)size;
}

static int skip(struct tar_reader *reader)
{
	uint8_t data[16 * 1024];
	ssize_t count;

	while ((count = tar_read(reader, data, sizeof(data))) > 0)
		;
	return count < 0 ? (int)count : read_part(reader, data, reader->padding);
}

/* Reads the header of the next entry into `block`. Returns 1, or 0 at the end. */
static int next_header(struct tar_reader *reader, struct tar_entry *entry, uint8_t *block)
{
	int err = skip(reader);

	reader->padding = 0;
	if (!err)
		err = read_part(reader, block, TAR_BLOCK);
	if (err || memcmp(block, zeros, TAR_BLOCK) == 0)
		return err;
	err = tar_decode(entry, block);
	reader->left = err ? 0 : entry->size;
	reader->padding = tar_padding(reader->left);
	return err ? err : 1;
}

/* Reads the data of an entry that extends the next one, and adds a NUL. */
static ssize_t read_extension(struct tar_reader *reader, char *text)
{
	if (reader->left > EXTENSION_MAX)
		return -EBADMSG;

	ssize_t count = tar_read(reader, text, (size_t)reader->left);

	if (count >= 0)
		text[count] = '\0';
	return count;
}

static int extend_text(char *field, const char *text)
{
	return snprintf(field, PATH_MAX, "%s", text) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Reads the map of a sparse file from GNU's own headers. */
static int read_headers_of_map(struct tar_reader *reader, uint8_t *block)
{
	bool goes_on;
	int err = tar_sparse_header(&reader->sparse, block, &goes_on);

	while (!err && goes_on) {
		err = read_part(reader, block, TAR_BLOCK);
		if (!err)
			err = tar_sparse_extension(&reader->sparse, block, &goes_on);
	}
	return err;
}

/* Reads a line of a map that precedes the data. It may continue in the next block. -EBADMSG unless it is a number. */
static int read_number(struct tar_reader *reader, char *block, const char **at, int64_t *number)
{
	for (*number = 0;; ++*at) {
		if (!**at) {
			ssize_t count = tar_read(reader, block, TAR_BLOCK);

			if (count < TAR_BLOCK)
				return count < 0 ? (int)count : -EBADMSG;
			*at = block;
		}
		if (**at == '\n')
			break;
		if (**at < '0' || **at > '9' || *number > TAR_SIZE_MAX)
			return -EBADMSG;
		*number = *number * 10 + (**at - '0');
	}
	++*at;
	return 0;
}

/* Reads the map of a sparse file that precedes its data: the number of parts, then their offsets and sizes. */
static int read_map(struct tar_reader *reader)
{
	char block[TAR_BLOCK + 1] = "";
	const char *at = block;
	int64_t count, offset, size;
	int err = read_number(reader, block, &at, &count);

	for (; !err && count > 0; count--) {
		err = read_number(reader, block, &at, &offset);
		if (!err)
			err = read_number(reader, block, &at, &size);
		if (!err)
			err = tar_sparse_add(&reader->sparse, offset, size);
	}
	return err;
}

static int read_sparse(struct tar_reader *reader, struct tar_entry *entry, uint8_t *block)
{
	struct tar_sparse *sparse = &reader->sparse;
	int err = 0;

	if (entry->type == TAR_GNU_SPARSE)
		err = read_headers_of_map(reader, block);
	else if (sparse->has_map_in_data)
		err = read_map(reader);
	if (err || !sparse->is_sparse)
		return err;
	if (sparse->name[0])
		strcpy(entry->name, sparse->name);
	return tar_sparse_check(sparse, reader->left);
}

/* Maps types that only some programs use to types of files. */
static uint8_t plain_type(const struct tar_entry *entry)
{
	size_t length = strlen(entry->name);

	switch (entry->type) {
	case TAR_GNU_FOLDER:
		return TAR_FOLDER;
	case TAR_FILE:
	case TAR_RESERVED:
	case TAR_GNU_SPARSE:
		/* In V7 archives only the final slash marks a folder. */
		return length > 0 && entry->name[length - 1] == '/' ? TAR_FOLDER : TAR_FILE;
	}
	return entry->type;
}

int tar_next(struct tar_reader *reader, struct tar_entry *entry)
{
	static char records[EXTENSION_MAX + 1], name[EXTENSION_MAX + 1], link[EXTENSION_MAX + 1];
	uint8_t block[TAR_BLOCK];
	ssize_t record_bytes = 0;
	int result;

	tar_sparse_reset(&reader->sparse);
	name[0] = link[0] = '\0';
	for (;;) {
		ssize_t count = 0;

		result = next_header(reader, entry, block);
		if (result <= 0)
			return result;
		if (entry->type == TAR_PAX)
			count = record_bytes = read_extension(reader, records);
		else if (entry->type == TAR_GNU_LONG_NAME)
			count = read_extension(reader, name);
		else if (entry->type == TAR_GNU_LONG_LINK)
			count = read_extension(reader, link);
		else if (entry->type != TAR_PAX_GLOBAL && entry->type != TAR_GNU_VOLUME_LABEL)
			break;
		if (count < 0)
			return (int)count;
	}

	int err = name[0] ? extend_text(entry->name, name) : 0;

	if (!err && link[0])
		err = extend_text(entry->link, link);
	if (!err)
		err = tar_decode_pax(entry, &reader->sparse, records, (size_t)record_bytes);
	reader->left = entry->size;
	reader->padding = tar_padding(entry->size);
	if (!err)
		err = read_sparse(reader, entry, block);
	entry->type = plain_type(entry);
	return err ? err : 1;
}

int tar_read_rest(struct tar_reader *reader)
{
	char data[16 * 1024];
	ssize_t count;

	while ((count = read_all(reader->fd, data, sizeof(data))) > 0)
		;
	return (int)count;
}

void tar_reader_end(struct tar_reader *reader)
{
	tar_sparse_reset(&reader->sparse);
}

static int write_padded(int fd, const void *data, size_t size)
{
	int err = write_all(fd, data, size);

	return err ? err : write_all(fd, zeros, tar_padding((int64_t)size));
}

int tar_write_entry(int fd, const struct tar_entry *entry)
{
	char records[TAR_PAX_MAX];
	uint8_t block[TAR_BLOCK];
	size_t size = tar_encode_pax(entry, records);

	if (size > 0) {
		struct tar_entry extension = { .type = TAR_PAX, .mode = 0644, .size = (int64_t)size, .name = "PaxHeader" };

		tar_encode(&extension, block);

		int err = write_all(fd, block, sizeof(block));

		if (!err)
			err = write_padded(fd, records, size);
		if (err)
			return err;
	}
	tar_encode(entry, block);
	return write_all(fd, block, sizeof(block));
}

int tar_write_end(int fd)
{
	return write_all(fd, zeros, sizeof(zeros));
}
