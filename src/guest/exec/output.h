/* The stdout or stderr of an exec, on its way to the host. */
#ifndef SMOLVM_OUTPUT_H
#define SMOLVM_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/frame.h"

struct output {
	int fd;            /* non-blocking; -1: none, or its end was sent */
	uint32_t type;     /* MSG_STDOUT or MSG_STDERR */
	uint32_t credit;   /* payload bytes that the host takes now */
	bool readable;     /* by the last poll, until a read says otherwise */
	bool finishing;    /* the command is dead: what is there now is all that counts */
	uint32_t leftover; /* bytes at most, when finishing */
};

void output_init(struct output *output, int fd, uint32_t type);
/* The host's MSG_CREDIT: -EPROTO when it exceeds the window. */
int output_credit(struct output *output, uint32_t bytes);
/* Whether it is worth waiting for the fd. */
bool output_pending(const struct output *output);
/* The command has ended; what it left behind may hold the other end open for ever. */
void output_finish(struct output *output, bool terminal);
/* Builds the next frame if there is one: data or, once, the end. */
bool output_next_frame(struct output *output, uint32_t stream, struct frame_out *out);
void output_close(struct output *output);

#endif
