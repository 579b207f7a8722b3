#include "exec/output.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/close_fd.h"

/* More than a terminal can buffer (Linux: 8 KiB in the pty, 4 KiB in the line discipline). */
#define TERMINAL_HOLDS (64 * 1024)

void output_init(struct output *output, int fd, uint32_t type)
{
	memset(output, 0, sizeof(*output));
	output->fd = fd;
	output->type = type;
	output->credit = STREAM_WINDOW;
}

int output_credit(struct output *output, uint32_t bytes)
{
	if (bytes > STREAM_WINDOW - output->credit)
		return -EPROTO;
	output->credit += bytes;
	return 0;
}

bool output_pending(const struct output *output)
{
	return output->fd >= 0 && output->credit > 0 && !output->readable;
}

void output_finish(struct output *output, bool terminal)
{
	int held = 0;

	if (output->fd < 0)
		return;
	/* A terminal counts only the bytes in its line discipline; reading until EAGAIN also gets the rest. */
	if (terminal)
		held = TERMINAL_HOLDS;
	else if (ioctl(output->fd, FIONREAD, &held) < 0 || held < 0)
		held = 0;
	output->finishing = true;
	output->leftover = (uint32_t)held;
	output->readable = true;
}

static size_t readable_bytes(const struct output *output, const struct frame_out *out)
{
	size_t length = frame_room(out);

	if (length > output->credit)
		length = output->credit;
	if (output->finishing && length > output->leftover)
		length = output->leftover;
	return length;
}

bool output_next_frame(struct output *output, uint32_t stream, struct frame_out *out)
{
	if (output->fd < 0 || !output->readable)
		return false;
	frame_begin(out, output->type, stream);
	if (!output->finishing || output->leftover > 0) {
		if (output->credit == 0)
			return false;

		ssize_t count = read(output->fd, frame_end(out), readable_bytes(output, out));

		if (count > 0) {
			output->credit -= (uint32_t)count;
			if (output->finishing)
				output->leftover -= (uint32_t)count;
			frame_added(out, (size_t)count);
			return true;
		}
		if (count < 0 && errno == EAGAIN && !output->finishing) {
			output->readable = false;
			return false;
		}
	}
	output_close(output); /* the empty frame ends the stream */
	return true;
}

void output_close(struct output *output)
{
	close_fd(&output->fd);
}
