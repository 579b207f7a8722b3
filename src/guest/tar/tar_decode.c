#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tar/tar_layout.h"
#include "tar/tar_sparse.h"

int tar_decode_number(const uint8_t *field, size_t size, int64_t *value)
{
	size_t at = 0;
	int64_t number = 0;

	if (field[0] & 0x80) {
		number = field[0] & 0x40 ? -1 : 0;
		number = (int64_t)((uint64_t)number << 6 | (field[0] & 0x3f));
		for (at = 1; at < size; at++) {
			if (number > INT64_MAX >> 8 || number < INT64_MIN >> 8)
				return -EBADMSG;
			number = (int64_t)((uint64_t)number << 8 | field[at]);
		}
		*value = number;
		return 0;
	}
	while (at < size && field[at] == ' ')
		at++;
	for (; at < size && field[at] >= '0' && field[at] <= '7'; at++)
		number = number << 3 | (field[at] - '0'); /* 12 digits at most */
	*value = number;
	return at == size || field[at] == ' ' || field[at] == '\0' ? 0 : -EBADMSG;
}

static int decode_id(const uint8_t *field, size_t size, uint32_t *id)
{
	int64_t number;
	int err = tar_decode_number(field, size, &number);

	if (err || number < 0 || number >= UINT32_MAX)
		return -EBADMSG;
	*id = (uint32_t)number;
	return 0;
}

/* Only files have data: some programs write the file's size in the entry of a hard link. */
static bool has_data(uint8_t type)
{
	return type < TAR_HARD_LINK || type > TAR_FIFO;
}

/* Also accepts the checksum of old programs, which summed signed bytes. */
static bool has_checksum(const struct tar_layout *header)
{
	int64_t checksum, negative = 0;

	if (tar_decode_number(header->checksum, sizeof(header->checksum), &checksum))
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		negative += ((const uint8_t *)header)[i] >> 7;
	return checksum == tar_checksum(header) || checksum == tar_checksum(header) - 256 * negative;
}

int tar_decode(struct tar_entry *entry, const uint8_t *block)
{
	const struct tar_layout *header = (const void *)block;
	int64_t mode, seconds;

	if (!has_checksum(header) ||
	    tar_decode_number(header->mode, sizeof(header->mode), &mode) ||
	    decode_id(header->uid, sizeof(header->uid), &entry->uid) ||
	    decode_id(header->gid, sizeof(header->gid), &entry->gid) ||
	    tar_decode_number(header->size, sizeof(header->size), &entry->size) ||
	    tar_decode_number(header->mtime, sizeof(header->mtime), &seconds))
		return -EBADMSG;
	if (entry->size < 0 || entry->size > TAR_SIZE_MAX)
		return -EBADMSG;
	entry->type = header->type ? header->type : TAR_FILE;
	if (!has_data(entry->type))
		entry->size = 0;
	entry->mode = (mode_t)mode & 07777;
	entry->mtime = (struct timespec){ .tv_sec = seconds };

	bool has_prefix = memcmp(header->magic, "ustar", sizeof(header->magic)) == 0 && header->prefix[0];

	snprintf(entry->name, sizeof(entry->name), "%.*s%s%.*s", has_prefix ? (int)sizeof(header->prefix) : 0,
		 header->prefix, has_prefix ? "/" : "", (int)sizeof(header->name), header->name);
	snprintf(entry->link, sizeof(entry->link), "%.*s", (int)sizeof(header->link), header->link);
	return 0;
}

static int decode_text(char *field, const char *value)
{
	if (!*value)
		return -EBADMSG;
	return snprintf(field, PATH_MAX, "%s", value) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int tar_decode_decimal(int64_t *number, const char **text, int64_t limit)
{
	const char *start = *text;

	for (*number = 0; **text >= '0' && **text <= '9'; ++*text) {
		*number = *number * 10 + (**text - '0');
		if (*number > limit)
			return -EBADMSG;
	}
	return *text > start ? 0 : -EBADMSG;
}

static int decode_whole(int64_t *number, const char *value, int64_t limit)
{
	int err = tar_decode_decimal(number, &value, limit);

	return err || *value ? -EBADMSG : 0;
}

static int decode_whole_id(uint32_t *id, const char *value)
{
	int64_t number;

	if (decode_whole(&number, value, UINT32_MAX - 1))
		return -EBADMSG;
	*id = (uint32_t)number;
	return 0;
}

/* Seconds, with a fraction of any length. */
static int decode_time(struct timespec *time, const char *value)
{
	bool negative = *value == '-';
	int64_t seconds;
	long nanoseconds = 0;

	value += negative;
	if (tar_decode_decimal(&seconds, &value, INT64_MAX / 100))
		return -EBADMSG;
	if (*value == '.') {
		value++;
		for (long unit = 100000000; *value >= '0' && *value <= '9'; unit /= 10)
			nanoseconds += unit * (*value++ - '0');
	}
	if (*value)
		return -EBADMSG;
	*time = (struct timespec){ .tv_sec = negative ? -seconds : seconds, .tv_nsec = nanoseconds };
	/* The nanoseconds of a timespec are never negative. */
	if (negative && nanoseconds > 0)
		*time = (struct timespec){ .tv_sec = -seconds - 1, .tv_nsec = 1000000000 - nanoseconds };
	return 0;
}

static int decode_record(struct tar_entry *entry, struct tar_sparse *sparse, const char *key, const char *value)
{
	int64_t size;

	if (strcmp(key, "path") == 0)
		return decode_text(entry->name, value);
	if (strcmp(key, "linkpath") == 0)
		return decode_text(entry->link, value);
	if (strcmp(key, "mtime") == 0)
		return decode_time(&entry->mtime, value);
	if (strcmp(key, "uid") == 0)
		return decode_whole_id(&entry->uid, value);
	if (strcmp(key, "gid") == 0)
		return decode_whole_id(&entry->gid, value);
	if (strcmp(key, "size") == 0) {
		if (decode_whole(&size, value, TAR_SIZE_MAX))
			return -EBADMSG;
		if (has_data(entry->type))
			entry->size = size;
	}
	if (strncmp(key, TAR_SPARSE_PREFIX, strlen(TAR_SPARSE_PREFIX)) == 0)
		return tar_sparse_record(sparse, key + strlen(TAR_SPARSE_PREFIX), value);
	return 0;
}

/* A record is `LENGTH KEY=VALUE\n`, where LENGTH is the length of the whole record. */
int tar_decode_pax(struct tar_entry *entry, struct tar_sparse *sparse, char *records, size_t length)
{
	for (char *end; length > 0; length -= (size_t)(end - records), records = end) {
		const char *at = records;
		int64_t size;

		/* A NUL follows the last record, so the number ends there at the latest. */
		if (tar_decode_decimal(&size, &at, (int64_t)length) || *at != ' ' || size <= at - records)
			return -EBADMSG;
		end = records + size;
		if (end[-1] != '\n')
			return -EBADMSG;
		end[-1] = '\0';

		const char *key = at + 1;
		char *value = strchr(key, '=');

		if (!value)
			return -EBADMSG;
		*value++ = '\0';

		int err = decode_record(entry, sparse, key, value);

		if (err)
			return err;
	}
	return 0;
}
