/* Encodes messages of the host: the reverse of the agent's parsers. */
#ifndef SMOLVM_HOST_MESSAGE_H
#define SMOLVM_HOST_MESSAGE_H

#include "wire/messages.h"

#define HOST_MESSAGE_MAX (1024 * 1024)

struct host_message {
	size_t length;
	uint8_t bytes[HOST_MESSAGE_MAX]; /* the whole frame */
};

void host_message_begin(struct host_message *message, uint32_t type, uint32_t stream);
void host_message_u32(struct host_message *message, uint32_t value);
void host_message_bytes(struct host_message *message, const void *bytes, size_t length);
void host_message_setup(struct host_message *message, const struct setup_message *setup);
void host_message_exec(struct host_message *message, uint32_t stream, const struct exec_message *exec);

#endif
