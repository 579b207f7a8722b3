#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tar/tar_layout.h"

#define ID_MAX 07777777 /* in 8 bytes, the last of which is a NUL */
#define SIZE_MAX_OCTAL 077777777777 /* in 12 bytes; also for seconds */

static void encode_number(uint8_t *field, size_t size, int64_t value, int64_t limit)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%0*llo", (int)size - 1, (long long)(value < 0 || value > limit ? 0 : value));
	memcpy(field, digits, size);
}

/* Writes no NUL when the text fills the field. */
static void encode_text(char *field, size_t size, const char *text)
{
	memcpy(field, text, strnlen(text, size));
}

void tar_encode(const struct tar_entry *entry, uint8_t *block)
{
	struct tar_layout *header = (void *)block;

	memset(block, 0, TAR_BLOCK);
	encode_text(header->name, sizeof(header->name), entry->name);
	encode_text(header->link, sizeof(header->link), entry->link);
	encode_number(header->mode, sizeof(header->mode), entry->mode, ID_MAX);
	encode_number(header->uid, sizeof(header->uid), entry->uid, ID_MAX);
	encode_number(header->gid, sizeof(header->gid), entry->gid, ID_MAX);
	encode_number(header->size, sizeof(header->size), entry->size, SIZE_MAX_OCTAL);
	encode_number(header->mtime, sizeof(header->mtime), entry->mtime.tv_sec, SIZE_MAX_OCTAL);
	header->type = entry->type;
	memcpy(header->magic, "ustar", sizeof(header->magic));
	memcpy(header->version, "00", sizeof(header->version));
	encode_number(header->checksum, sizeof(header->checksum), tar_checksum(header), ID_MAX);
}

/* Writes `LENGTH KEY=VALUE\n` and returns LENGTH. */
static size_t add_record(char *at, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + strlen(" =\n");
	size_t length = rest + 1;

	/* The length includes its own digits, so it may need one more. */
	while (length != rest + (size_t)snprintf(NULL, 0, "%zu", length))
		length = rest + (size_t)snprintf(NULL, 0, "%zu", length);
	sprintf(at, "%zu %s=%s\n", length, key, value);
	return length;
}

static size_t add_number(char *at, const char *key, int64_t value, int64_t limit)
{
	char text[32];

	if (value <= limit)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)value);
	return add_record(at, key, text);
}

static size_t add_time(char *at, struct timespec time)
{
	char text[32];
	/* Times before 1970 are written as a negative number of seconds with a fraction. */
	bool negative = time.tv_sec < 0;
	bool borrows = negative && time.tv_nsec > 0;
	long long seconds = negative ? -(long long)time.tv_sec - borrows : time.tv_sec;

	if (time.tv_nsec == 0 && !negative && seconds <= SIZE_MAX_OCTAL)
		return 0;
	snprintf(text, sizeof(text), "%s%lld.%09ld", negative ? "-" : "", seconds,
		 borrows ? 1000000000 - time.tv_nsec : time.tv_nsec);
	return add_record(at, "mtime", text);
}

size_t tar_encode_pax(const struct tar_entry *entry, char *records)
{
	struct tar_layout *header;
	char *at = records;

	if (strlen(entry->name) > sizeof(header->name))
		at += add_record(at, "path", entry->name);
	if (strlen(entry->link) > sizeof(header->link))
		at += add_record(at, "linkpath", entry->link);
	at += add_number(at, "size", entry->size, SIZE_MAX_OCTAL);
	at += add_number(at, "uid", entry->uid, ID_MAX);
	at += add_number(at, "gid", entry->gid, ID_MAX);
	at += add_time(at, entry->mtime);
	return (size_t)(at - records);
}
