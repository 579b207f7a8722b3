/* Reading the fields of a payload of protocol.h. */
#ifndef SMOLVM_PAYLOAD_H
#define SMOLVM_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

/* The first malformed field ends the reading: all that follow read as 0 or NULL, and reader_end() tells. */
struct reader {
	uint8_t *at;
	uint8_t *end;
	int error; /* 0 or -errno; a caller may set its own */
};

struct blob {
	const uint8_t *bytes;
	uint32_t length;
};

static inline struct reader reader_of(uint8_t *payload, size_t length)
{
	return (struct reader){ .at = payload, .end = payload + length };
}

uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
struct blob read_blob(struct reader *reader);
/* NUL-terminated inside the payload, which it changes. */
char *read_str(struct reader *reader);
/* The count of a list whose items take at least `item` bytes each: never more than the payload can hold. */
uint32_t read_count(struct reader *reader, size_t item);
/* To be called last: the error, or -EPROTO when something follows the last field. */
int reader_end(const struct reader *reader);

#endif
