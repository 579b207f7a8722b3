#include "exec/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/close_fd.h"

/* Smaller amounts of credit are collected first. Runners of older versions have a window of STREAM_WINDOW bytes. */
#define CREDIT_EVERY (STREAM_WINDOW / 2)

void input_init(struct input *input, int fd, bool terminal)
{
	memset(input, 0, sizeof(*input));
	input->fd = fd;
	input->terminal = terminal;
}

static void discard(struct input *input)
{
	input->taken += input->count;
	input->count = 0;
}

int input_push(struct input *input, const uint8_t *bytes, uint32_t length)
{
	if (length > INPUT_WINDOW - input->count - input->taken)
		return -EPROTO;
	if (input->fd < 0 || input->ended) {
		input->taken += length;
		return 0;
	}
	if (!input->ring)
		input->ring = malloc(INPUT_WINDOW);
	if (!input->ring)
		return -ENOMEM;

	uint32_t end = (input->start + input->count) % INPUT_WINDOW;
	uint32_t first = length < INPUT_WINDOW - end ? length : INPUT_WINDOW - end;

	memcpy(input->ring + end, bytes, first);
	memcpy(input->ring, bytes + first, length - first);
	input->count += length;
	return 0;
}

void input_end(struct input *input)
{
	input->ended = true;
}

bool input_pending(const struct input *input)
{
	return input->fd >= 0 && (input->count > 0 || input->ended);
}

/*
 * A terminal's input ends only with the VEOF character, and only in canonical mode. After an unfinished line it takes
 * two: the first one only delivers the line.
 */
static int end_terminal(struct input *input)
{
	struct termios termios;

	if (tcgetattr(input->fd, &termios) < 0 || !(termios.c_lflag & ICANON))
		return 0;
	if (input->last != '\n' && input->last != '\0' && !input->eof_begun) {
		if (write(input->fd, &termios.c_cc[VEOF], 1) < 0)
			return -errno;
		input->eof_begun = true;
	}
	return write(input->fd, &termios.c_cc[VEOF], 1) < 0 ? -errno : 0;
}

void input_flush(struct input *input)
{
	while (input->fd >= 0 && input->count > 0) {
		uint32_t length = input->count < INPUT_WINDOW - input->start ? input->count : INPUT_WINDOW - input->start;
		ssize_t count = write(input->fd, input->ring + input->start, length);

		if (count < 0 && errno == EAGAIN)
			return;
		if (count < 0) { /* EPIPE, or EIO from a terminal: the reader is gone */
			input_close(input);
			return;
		}
		input->last = input->ring[(input->start + (uint32_t)count - 1) % INPUT_WINDOW];
		input->start = (input->start + (uint32_t)count) % INPUT_WINDOW;
		input->count -= (uint32_t)count;
		input->taken += (uint32_t)count;
	}
	if (input->fd >= 0 && input->ended && (!input->terminal || end_terminal(input) != -EAGAIN))
		input_close(input);
}

uint32_t input_credit(struct input *input)
{
	uint32_t credit = input->taken;

	if (credit < CREDIT_EVERY)
		return 0;
	input->taken = 0;
	return credit;
}

void input_close(struct input *input)
{
	close_fd(&input->fd);
	discard(input);
	free(input->ring);
	input->ring = NULL;
	input->start = 0;
}
