/* Reads the fields of a payload (see protocol.h). */
#ifndef SMOLVM_PAYLOAD_H
#define SMOLVM_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

/* After the first malformed field all reads return 0 or NULL, and reader_end() returns the error. */
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
/* Returns a NUL-terminated string inside the payload, and modifies the payload for that. */
char *read_str(struct reader *reader);
/* Reads the count of a list. An error if the payload cannot hold that many items of at least `item` bytes. */
uint32_t read_count(struct reader *reader, size_t item);
/* Call this last. Returns the error, or -EPROTO when bytes follow the last field. */
int reader_end(const struct reader *reader);

#endif
