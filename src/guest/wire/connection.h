/* The one connection to the host: frames both ways, and the window that protocol.h demands. */
#ifndef SMOLVM_CONNECTION_H
#define SMOLVM_CONNECTION_H

#include <stdbool.h>

#include "wire/frame.h"

struct connection {
	int fd; /* non-blocking */
	struct decoder decoder;
	struct frame_out out; /* the one frame under way */
	size_t sent;          /* bytes of it that were written */
	uint32_t unacknowledged;
};

void connection_init(struct connection *connection, int fd);

/* Whether connection->out may be built anew: the last frame is gone and the window has room for any frame. */
bool connection_ready(const struct connection *connection);
/* Begins to send connection->out. */
int connection_send(struct connection *connection);
/* Whether bytes wait for the socket to take them. */
bool connection_blocked(const struct connection *connection);
/* Writes what waits, as far as the socket takes it. */
int connection_flush(struct connection *connection);
/* The host's MSG_ACK: -EPROTO when it acknowledges more than was sent. */
int connection_acknowledge(struct connection *connection, uint32_t bytes);

#endif
