/* The connection to the host: frames in both directions, and the connection window of protocol.h. */
#ifndef SMOLVM_CONNECTION_H
#define SMOLVM_CONNECTION_H

#include <stdbool.h>

#include "wire/frame.h"

struct connection {
	int fd; /* non-blocking */
	struct decoder decoder;
	struct frame_out out; /* the frame that is being sent */
	size_t sent;          /* bytes of `out` already written */
	uint32_t unacknowledged;
};

void connection_init(struct connection *connection, int fd);

/* Whether connection->out may be reused: the last frame is written and the window has room for a frame of any size. */
bool connection_ready(const struct connection *connection);
/* Starts sending connection->out. */
int connection_send(struct connection *connection);
/* Whether bytes of connection->out are still unwritten. */
bool connection_blocked(const struct connection *connection);
/* Writes as many of these bytes as the socket accepts. */
int connection_flush(struct connection *connection);
/* Handles MSG_ACK: -EPROTO when it acknowledges more than was sent. */
int connection_acknowledge(struct connection *connection, uint32_t bytes);

#endif
