#include "tar_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transfer.h"

/* What extends one entry: an image's extended attributes may be 64 KiB each. */
#define EXTENSION_MAX (256 * 1024)

static const uint8_t zeros[2 * TAR_BLOCK];

/* All of it, or the archive breaks off. */
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

/* The header of the next entry; 1, or 0 at the end. */
static int next_header(struct tar_reader *reader, struct tar_entry *entry)
{
	uint8_t block[TAR_BLOCK];
	int err = skip(reader);

	reader->padding = 0;
	if (!err)
		err = read_part(reader, block, sizeof(block));
	if (err || memcmp(block, zeros, sizeof(block)) == 0)
		return err;
	err = tar_decode(entry, block);
	reader->left = err ? 0 : entry->size;
	reader->padding = tar_padding(reader->left);
	return err ? err : 1;
}

/* Reads what extends the next entry, and ends it with a NUL. */
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

int tar_next(struct tar_reader *reader, struct tar_entry *entry)
{
	static char records[EXTENSION_MAX + 1], name[EXTENSION_MAX + 1], link[EXTENSION_MAX + 1];
	ssize_t record_bytes = 0;
	int result;

	name[0] = link[0] = '\0';
	for (;;) {
		ssize_t count = 0;

		result = next_header(reader, entry);
		if (result <= 0)
			return result;
		if (entry->type == TAR_PAX)
			count = record_bytes = read_extension(reader, records);
		else if (entry->type == TAR_GNU_LONG_NAME)
			count = read_extension(reader, name);
		else if (entry->type == TAR_GNU_LONG_LINK)
			count = read_extension(reader, link);
		else if (entry->type != TAR_PAX_GLOBAL)
			break;
		if (count < 0)
			return (int)count;
	}

	int err = name[0] ? extend_text(entry->name, name) : 0;

	if (!err && link[0])
		err = extend_text(entry->link, link);
	if (!err)
		err = tar_decode_pax(entry, records, (size_t)record_bytes);
	reader->left = entry->size;
	reader->padding = tar_padding(entry->size);
	return err ? err : 1;
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
