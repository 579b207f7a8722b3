/* The host side, for tests: starts an agent in a child process, connected by a socket pair. */
#ifndef SMOLVM_TEST_HOST_H
#define SMOLVM_TEST_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "wire/frame.h"
#include "wire/messages.h"

struct host {
	int fd;
	pid_t agent;
	struct decoder decoder;
	uint8_t buffer[64 * 1024];
	const uint8_t *data; /* the part of `buffer` that is not decoded yet */
	size_t left;
	bool silent;             /* do not acknowledge frames */
	uint32_t unacknowledged; /* checked against CONNECTION_WINDOW with every byte */
};

/* Starts an agent and receives its MSG_HELLO. */
void host_start(struct host *host);
/* The same, and completes the setup. */
void host_start_ready(struct host *host);
/* Sends a frame without payload, or with up to two numbers. */
void host_send(struct host *host, uint32_t type, uint32_t stream);
void host_send_numbers(struct host *host, uint32_t type, uint32_t stream, uint32_t count, uint32_t first,
		       uint32_t second);
void host_send_bytes(struct host *host, uint32_t type, uint32_t stream, const void *bytes, size_t length);
void host_send_setup(struct host *host, const struct setup_message *setup);
void host_send_exec(struct host *host, uint32_t stream, const struct exec_message *exec);
/* Acknowledges all bytes that are not acknowledged yet. */
void host_acknowledge(struct host *host);
/* The agent's next frame; false when the agent is gone, or silent for `timeout_ms` (-1: the test's deadline). */
bool host_receive(struct host *host, struct frame *frame, int timeout_ms);
/* The next frame, which must be of that type and stream. */
struct frame host_expect(struct host *host, uint32_t type, uint32_t stream);
/* Receives frames of stdout until `bytes` bytes have arrived. */
void host_take_stdout(struct host *host, size_t bytes);
/* Waits for the agent and returns the result of agent_run(). With `close_first` closes the connection first. */
int host_end(struct host *host, bool close_first);

/* The result of an exec that was served to its end, with credits. */
struct outcome {
	uint32_t type; /* MSG_EXITED or MSG_FAILED */
	uint32_t numbers[2]; /* kind and value, or errno and stage */
	char text[1024];     /* of MSG_FAILED */
	char *out, *err;     /* NUL-terminated */
	size_t out_length, err_length;
};

struct outcome host_run(struct host *host, const struct exec_message *exec, const void *input, size_t input_length);

/* The message for a shell command, as root, without input. */
struct exec_message shell(const char *command);
/* Runs a shell command on a new agent; checks that it exits with 0, and its output. */
void check_shell(const char *command, const char *output);

#endif
