#include "wire/payload.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

static uint8_t *take(struct reader *reader, size_t length)
{
	uint8_t *at = reader->at;

	if (reader->error)
		return NULL;
	if (length > (size_t)(reader->end - reader->at)) {
		reader->error = -EPROTO;
		return NULL;
	}
	reader->at += length;
	return at;
}

uint32_t read_u32(struct reader *reader)
{
	const uint8_t *at = take(reader, 4);

	return at ? get_u32(at) : 0;
}

uint64_t read_u64(struct reader *reader)
{
	const uint8_t *at = take(reader, 8);

	return at ? get_u64(at) : 0;
}

struct blob read_blob(struct reader *reader)
{
	uint32_t length = read_u32(reader);
	const uint8_t *bytes = take(reader, length);

	return bytes ? (struct blob){ bytes, length } : (struct blob){ NULL, 0 };
}

char *read_str(struct reader *reader)
{
	uint32_t length = read_u32(reader);
	uint8_t *bytes = take(reader, length);

	if (!bytes)
		return NULL;
	if (memchr(bytes, 0, length)) {
		reader->error = -EPROTO;
		return NULL;
	}
	/* Moving the string over its length field makes room for the NUL, and avoids a copy of up to 2 MiB. */
	char *text = memmove(bytes - sizeof(uint32_t), bytes, length);

	text[length] = '\0';
	return text;
}

uint32_t read_count(struct reader *reader, size_t item)
{
	uint32_t count = read_u32(reader);

	if (count > (size_t)(reader->end - reader->at) / item) {
		reader->error = -EPROTO;
		return 0;
	}
	return count;
}

int reader_end(const struct reader *reader)
{
	if (reader->error)
		return reader->error;
	return reader->at == reader->end ? 0 : -EPROTO;
}
