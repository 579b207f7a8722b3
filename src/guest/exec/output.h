/* The stdout or stderr of an exec: sends it to the host. */
#ifndef SMOLVM_OUTPUT_H
#define SMOLVM_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/frame.h"

struct output {
	int fd;            /* non-blocking; -1: none, or the end of the stream was sent */
	uint32_t type;     /* MSG_STDOUT or MSG_STDERR */
	uint32_t credit;   /* payload bytes that may be sent now */
	bool readable;     /* set by a poll, cleared when a read returns EAGAIN */
	bool finishing;    /* the command has ended: only output that is already buffered is sent */
	uint32_t leftover; /* when finishing: the most bytes that may still be read */
};

void output_init(struct output *output, int fd, uint32_t type);
/* Handles MSG_CREDIT: -EPROTO when it exceeds the window. */
int output_credit(struct output *output, uint32_t bytes);
/* Whether to poll `fd` for reading. */
bool output_pending(const struct output *output);
/* The command has ended: stops waiting for the end of the stream, which background processes may keep open for ever. */
void output_finish(struct output *output, bool terminal);
/* Builds the next frame if there is one: data or, once, the end of the stream. */
bool output_next_frame(struct output *output, uint32_t stream, struct frame_out *out);
void output_close(struct output *output);

#endif
