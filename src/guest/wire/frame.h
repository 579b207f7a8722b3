/* Frames of protocol.h: cutting the host's bytes into them, building those of the guest. */
#ifndef SMOLVM_FRAME_H
#define SMOLVM_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "wire/protocol.h"

#define GUEST_PAYLOAD_MAX (GUEST_FRAME_MAX - FRAME_HEADER_BYTES)

struct frame {
	uint32_t type;
	uint32_t stream;
	uint8_t *payload; /* the decoder's; may be written to, gone with the next decoder_feed() */
	uint32_t length;
};

/* Start with max_payload set and the rest zero. */
struct decoder {
	uint32_t max_payload;
	uint8_t header[FRAME_HEADER_BYTES];
	size_t have; /* bytes of the current frame, header included */
	uint8_t *payload;
};

/*
 * Takes bytes from *data until a frame is complete: 1, 0 when the data is used up first, -EMSGSIZE for a frame over
 * the limit, -ENOMEM. After an error the decoder is of no use.
 */
int decoder_feed(struct decoder *decoder, const uint8_t **data, size_t *left, struct frame *frame);
void decoder_free(struct decoder *decoder);

/* A frame of the guest being built; its header is right after every call. */
struct frame_out {
	uint8_t bytes[GUEST_FRAME_MAX];
	size_t length;
};

void frame_begin(struct frame_out *out, uint32_t type, uint32_t stream);
void frame_add_u32(struct frame_out *out, uint32_t value);
/* A `str`, cut to what still fits. */
void frame_add_text(struct frame_out *out, const char *text);

/* Payload bytes read straight into place: at most frame_room() bytes at frame_end(), then frame_added(). */
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
