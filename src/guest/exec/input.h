/* The stdin of an exec: what the host sent, held until the command takes it. */
#ifndef SMOLVM_INPUT_H
#define SMOLVM_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/protocol.h"

struct input {
	int fd; /* non-blocking; -1: closed, whatever comes is discarded */
	bool terminal;
	uint8_t *ring; /* INPUT_WINDOW bytes; NULL until there is something to hold */
	uint32_t start;
	uint32_t count;
	uint32_t taken; /* by the command, and not yet credited to the host */
	uint8_t last;   /* byte that the command took */
	bool ended;     /* the host sends no more */
	bool eof_begun; /* the terminal has got its first VEOF character */
};

void input_init(struct input *input, int fd, bool terminal);
/* -EPROTO: more than the stream's window. */
int input_push(struct input *input, const uint8_t *bytes, uint32_t length);
/* The host's end of input, passed on once everything before it is taken. */
void input_end(struct input *input);
/* Whether the command's end is worth waiting for. */
bool input_pending(const struct input *input);
/* Gives the command what it takes now. */
void input_flush(struct input *input);
/* The credit due to the host, 0 while it is too little for a frame of its own. */
uint32_t input_credit(struct input *input);
void input_close(struct input *input);

#endif
