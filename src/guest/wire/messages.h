/* Parsers of the host's messages. The strings in the structures of SETUP and EXEC point into the frame's payload. */
#ifndef SMOLVM_MESSAGES_H
#define SMOLVM_MESSAGES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/frame.h"
#include "wire/payload.h"

struct setup_file {
	const char *path;
	uint32_t mode;
	struct blob content;
};

struct setup_mount {
	const char *source;
	const char *target;
	uint32_t flags; /* MOUNT_* */
};

struct setup_rlimit {
	uint32_t resource;
	uint64_t soft;
	uint64_t hard;
};

struct setup_interface {
	const char *name;
	uint32_t address; /* IPv4 in host byte order, like the gateway */
	uint32_t prefix;  /* 0 to 32 */
	uint32_t gateway;
	uint32_t mtu;
	struct in6_addr address6;
	uint32_t prefix6; /* 0 to 128 */
	struct in6_addr gateway6;
};

struct setup_message {
	uint64_t clock_ns; /* since 1970 */
	const char *hostname;
	uint32_t flags; /* SETUP_* */
	const char *rootfs;
	struct setup_file *files;
	uint32_t file_count;
	struct setup_mount *mounts;
	uint32_t mount_count;
	struct setup_rlimit *rlimits;
	uint32_t rlimit_count;
	struct setup_interface *interfaces;
	uint32_t interface_count;
	uint32_t share_files; /* how many files of the shares the host can hold open; 0: no limit */
};

struct exec_message {
	uint32_t flags; /* EXEC_* */
	uint16_t rows;
	uint16_t columns;
	const char *cwd;
	const char *user;
	char **argv; /* NULL-terminated, never empty */
	char **env;  /* NULL-terminated, with room for one more entry */
	uint32_t env_count;
};

/* 0, -EPROTO or -ENOMEM. The caller must free the message in each case. */
int setup_message_parse(struct setup_message *message, const struct frame *frame);
void setup_message_free(struct setup_message *message);
int exec_message_parse(struct exec_message *message, const struct frame *frame);
void exec_message_free(struct exec_message *message);

/* MSG_CLOCK: 0 or -EPROTO. */
int clock_message_parse(uint64_t *clock_ns, bool *jumped, const struct frame *frame);
/* A payload of `count` u32 numbers: 0 or -EPROTO. */
int numbers_parse(uint32_t *numbers, uint32_t count, const struct frame *frame);
/* MSG_RESIZE: 0 or -EPROTO. */
int window_size_parse(uint16_t *rows, uint16_t *columns, const struct frame *frame);

#endif
