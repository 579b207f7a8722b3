/* The frames of protocol.h: decodes host frames and builds guest frames. */
#ifndef SMOLVM_FRAME_H
#define SMOLVM_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "wire/protocol.h"

#define GUEST_PAYLOAD_MAX (GUEST_FRAME_MAX - FRAME_HEADER_BYTES)

struct frame {
	uint32_t type;
	uint32_t stream;
	uint8_t *payload; /* owned by the decoder, valid until the next decoder_feed(); may be modified */
	uint32_t length;
};

/* Initialize with max_payload set and the rest zero. */
struct decoder {
	uint32_t max_payload;
	uint8_t header[FRAME_HEADER_BYTES];
	size_t have; /* bytes of the current frame, header included */
	uint8_t *payload;
};

/*
 * Consumes bytes of *data until a frame is complete. Returns 1, or 0 when the data ends before the frame, -EMSGSIZE for
 * a frame over the limit, or -ENOMEM. The decoder must not be used after an error.
 */
int decoder_feed(struct decoder *decoder, const uint8_t **data, size_t *left, struct frame *frame);
void decoder_free(struct decoder *decoder);

/* A guest frame under construction. Its header is correct after every call. */
struct frame_out {
	uint8_t bytes[GUEST_FRAME_MAX];
	size_t length;
};

void frame_begin(struct frame_out *out, uint32_t type, uint32_t stream);
void frame_add_u32(struct frame_out *out, uint32_t value);
/* Adds a `str`, truncated to the room that is left. */
void frame_add_text(struct frame_out *out, const char *text);

/* Adding payload bytes in place: write at most frame_room() bytes to frame_end(), then call frame_added(). */
static inline uint8_t *frame_end(struct frame_out *out)
{
	return out->bytes + out->length;
}

static inline size_t frame_room(const struct frame_out *out)
{
	return sizeof(out->bytes) - out->length;
}

void frame_added(struct frame_out *out, size_t bytes);

#endif
