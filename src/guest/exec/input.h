/* The stdin of an exec: buffers the host's input until the command takes it. */
#ifndef SMOLVM_INPUT_H
#define SMOLVM_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/protocol.h"

struct input {
	int fd; /* non-blocking; -1: closed, further input is discarded */
	bool terminal;
	uint8_t *ring; /* INPUT_WINDOW bytes; NULL until the first input */
	uint32_t start;
	uint32_t count;
	uint32_t taken; /* bytes that the command has taken and that are not yet credited to the host */
	uint8_t last;   /* the last byte that the command took */
	bool ended;     /* the host has ended the input */
	bool eof_begun; /* the first VEOF character is written to the terminal */
};

void input_init(struct input *input, int fd, bool terminal);
/* Adds input from the host: -EPROTO when it exceeds the stream window. */
int input_push(struct input *input, const uint8_t *bytes, uint32_t length);
/* Ends the input, once the command has taken everything before. */
void input_end(struct input *input);
/* Whether to poll `fd` for writing. */
bool input_pending(const struct input *input);
/* Writes as much as the command accepts now. */
void input_flush(struct input *input);
/* The credit to send to the host now; 0 while it is too little for a frame. */
uint32_t input_credit(struct input *input);
void input_close(struct input *input);

#endif
