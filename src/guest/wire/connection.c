#include "wire/connection.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void connection_init(struct connection *connection, int fd)
{
	memset(connection, 0, sizeof(*connection));
	connection->fd = fd;
	connection->decoder.max_payload = HOST_PAYLOAD_MAX;
}

bool connection_ready(const struct connection *connection)
{
	return !connection_blocked(connection) &&
	       connection->unacknowledged + GUEST_FRAME_MAX <= CONNECTION_WINDOW;
}

int connection_send(struct connection *connection)
{
	connection->sent = 0;
	connection->unacknowledged += (uint32_t)connection->out.length;
	return connection_flush(connection);
}

bool connection_blocked(const struct connection *connection)
{
	return connection->sent < connection->out.length;
}

int connection_flush(struct connection *connection)
{
	const struct frame_out *out = &connection->out;

	while (connection->sent < out->length) {
		/* A frame is at most 16 KiB: libkrun drops larger writes. */
		ssize_t count = write(connection->fd, out->bytes + connection->sent, out->length - connection->sent);

		if (count >= 0)
			connection->sent += (size_t)count;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno; /* the error that a read would return */
	}
	return 0;
}

int connection_acknowledge(struct connection *connection, uint32_t bytes)
{
	if (bytes > connection->unacknowledged)
		return -EPROTO;
	connection->unacknowledged -= bytes;
	return 0;
}
