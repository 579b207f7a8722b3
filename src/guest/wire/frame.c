#include "wire/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static size_t take(uint8_t *to, size_t wanted, const uint8_t **data, size_t *left)
{
	size_t count = wanted < *left ? wanted : *left;

	if (count > 0)
		memcpy(to, *data, count);
	*data += count;
	*left -= count;
	return count;
}

int decoder_feed(struct decoder *decoder, const uint8_t **data, size_t *left, struct frame *frame)
{
	uint32_t length;

	if (decoder->have < FRAME_HEADER_BYTES) {
		decoder->have += take(decoder->header + decoder->have, FRAME_HEADER_BYTES - decoder->have, data, left);
		if (decoder->have < FRAME_HEADER_BYTES)
			return 0;
		decoder_free(decoder); /* the payload of the previous frame */
		length = get_u32(decoder->header);
		if (length > decoder->max_payload)
			return -EMSGSIZE;
		decoder->payload = malloc(length > 0 ? length : 1);
		if (!decoder->payload)
			return -ENOMEM;
	}
	length = get_u32(decoder->header);
	size_t had = decoder->have - FRAME_HEADER_BYTES;

	decoder->have += take(decoder->payload + had, length - had, data, left);
	if (decoder->have < FRAME_HEADER_BYTES + (size_t)length)
		return 0;
	decoder->have = 0;
	*frame = (struct frame){
		.type = get_u32(decoder->header + 4),
		.stream = get_u32(decoder->header + 8),
		.payload = decoder->payload,
		.length = length,
	};
	return 1;
}

void decoder_free(struct decoder *decoder)
{
	free(decoder->payload);
	decoder->payload = NULL;
}

void frame_begin(struct frame_out *out, uint32_t type, uint32_t stream)
{
	put_u32(out->bytes, 0);
	put_u32(out->bytes + 4, type);
	put_u32(out->bytes + 8, stream);
	out->length = FRAME_HEADER_BYTES;
}

void frame_added(struct frame_out *out, size_t bytes)
{
	out->length += bytes;
	put_u32(out->bytes, (uint32_t)(out->length - FRAME_HEADER_BYTES));
}

void frame_add_u32(struct frame_out *out, uint32_t value)
{
	put_u32(frame_end(out), value);
	frame_added(out, sizeof(value));
}

void frame_add_text(struct frame_out *out, const char *text)
{
	size_t room = frame_room(out) - sizeof(uint32_t);
	size_t length = strnlen(text, room);

	frame_add_u32(out, (uint32_t)length);
	memcpy(frame_end(out), text, length);
	frame_added(out, length);
}
