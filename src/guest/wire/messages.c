#include "wire/messages.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Allocates a list with one spare item: calloc(0) may return NULL, and some lists end with NULL. */
static void *list_alloc(struct reader *reader, uint32_t count, size_t size)
{
	void *items = calloc((size_t)count + 1, size);

	if (!items)
		reader->error = -ENOMEM;
	return items;
}

static void read_files(struct reader *reader, struct setup_message *message)
{
	uint32_t count = read_count(reader, 12);

	message->files = list_alloc(reader, count, sizeof(*message->files));
	for (; !reader->error && message->file_count < count; message->file_count++) {
		struct setup_file *file = &message->files[message->file_count];

		file->path = read_str(reader);
		file->mode = read_u32(reader);
		file->content = read_blob(reader);
	}
}

static void read_mounts(struct reader *reader, struct setup_message *message)
{
	uint32_t count = read_count(reader, 12);

	message->mounts = list_alloc(reader, count, sizeof(*message->mounts));
	for (; !reader->error && message->mount_count < count; message->mount_count++) {
		struct setup_mount *mount = &message->mounts[message->mount_count];

		mount->source = read_str(reader);
		mount->target = read_str(reader);
		mount->flags = read_u32(reader);
		if (mount->flags & ~(MOUNT_READ_ONLY | MOUNT_TMPFS | MOUNT_NO_SUID | MOUNT_NO_DEVICES | MOUNT_NO_EXEC))
			reader->error = -EPROTO;
	}
}

static void read_rlimits(struct reader *reader, struct setup_message *message)
{
	uint32_t count = read_count(reader, 20);

	message->rlimits = list_alloc(reader, count, sizeof(*message->rlimits));
	for (; !reader->error && message->rlimit_count < count; message->rlimit_count++) {
		struct setup_rlimit *limit = &message->rlimits[message->rlimit_count];

		limit->resource = read_u32(reader);
		limit->soft = read_u64(reader);
		limit->hard = read_u64(reader);
	}
}

/* Reads an address: its upper and its lower 64 bits. */
static struct in6_addr read_ipv6(struct reader *reader)
{
	struct in6_addr address;
	uint64_t halves[2];

	for (int i = 0; i < 2; i++)
		halves[i] = htobe64(read_u64(reader));
	memcpy(&address, halves, sizeof(address));
	return address;
}

static void read_interfaces(struct reader *reader, struct setup_message *message)
{
	uint32_t count = read_count(reader, 56);

	message->interfaces = list_alloc(reader, count, sizeof(*message->interfaces));
	for (; !reader->error && message->interface_count < count; message->interface_count++) {
		struct setup_interface *interface = &message->interfaces[message->interface_count];

		interface->name = read_str(reader);
		interface->address = read_u32(reader);
		interface->prefix = read_u32(reader);
		interface->gateway = read_u32(reader);
		interface->mtu = read_u32(reader);
		interface->address6 = read_ipv6(reader);
		interface->prefix6 = read_u32(reader);
		interface->gateway6 = read_ipv6(reader);
		if (interface->prefix > 32 || interface->prefix6 > 128)
			reader->error = -EPROTO;
	}
}

int setup_message_parse(struct setup_message *message, const struct frame *frame)
{
	struct reader reader = reader_of(frame->payload, frame->length);

	memset(message, 0, sizeof(*message));
	message->clock_ns = read_u64(&reader);
	message->hostname = read_str(&reader);
	message->flags = read_u32(&reader);
	if (message->flags & ~(SETUP_OVERLAY | SETUP_EPHEMERAL | SETUP_WRITABLE))
		reader.error = -EPROTO;
	message->rootfs = read_str(&reader);
	if (!reader.error)
		read_files(&reader, message);
	if (!reader.error)
		read_mounts(&reader, message);
	if (!reader.error)
		read_rlimits(&reader, message);
	if (!reader.error)
		read_interfaces(&reader, message);
	message->share_files = read_u32(&reader);
	return reader_end(&reader);
}

void setup_message_free(struct setup_message *message)
{
	free(message->files);
	free(message->mounts);
	free(message->rlimits);
	free(message->interfaces);
}

static char **read_strs(struct reader *reader, uint32_t *count, size_t spare)
{
	*count = read_count(reader, 4);
	if (reader->error)
		return NULL;

	char **strs = list_alloc(reader, *count + (uint32_t)spare, sizeof(*strs));

	for (uint32_t i = 0; !reader->error && i < *count; i++)
		strs[i] = read_str(reader);
	return strs;
}

static void read_window_size(struct reader *reader, uint16_t *rows, uint16_t *columns)
{
	uint32_t r = read_u32(reader), c = read_u32(reader);

	if (r > UINT16_MAX || c > UINT16_MAX)
		reader->error = -EPROTO;
	*rows = (uint16_t)r;
	*columns = (uint16_t)c;
}

int exec_message_parse(struct exec_message *message, const struct frame *frame)
{
	struct reader reader = reader_of(frame->payload, frame->length);
	uint32_t argc;

	memset(message, 0, sizeof(*message));
	message->flags = read_u32(&reader);
	if (message->flags & ~(EXEC_TTY | EXEC_STDIN | EXEC_MAKE_CWD | EXEC_PID1))
		reader.error = -EPROTO;
	read_window_size(&reader, &message->rows, &message->columns);
	message->cwd = read_str(&reader);
	message->user = read_str(&reader);
	message->argv = read_strs(&reader, &argc, 0);
	if (argc == 0)
		reader.error = -EPROTO;
	message->env = read_strs(&reader, &message->env_count, 1);
	return reader_end(&reader);
}

void exec_message_free(struct exec_message *message)
{
	free(message->argv);
	free(message->env);
}

int clock_message_parse(uint64_t *clock_ns, bool *jumped, const struct frame *frame)
{
	struct reader reader = reader_of(frame->payload, frame->length);
	uint32_t flags;

	*clock_ns = read_u64(&reader);
	flags = read_u32(&reader);
	if (flags & ~CLOCK_JUMPED)
		reader.error = -EPROTO;
	*jumped = flags & CLOCK_JUMPED;
	return reader_end(&reader);
}

int numbers_parse(uint32_t *numbers, uint32_t count, const struct frame *frame)
{
	struct reader reader = reader_of(frame->payload, frame->length);

	for (uint32_t i = 0; i < count; i++)
		numbers[i] = read_u32(&reader);
	return reader_end(&reader);
}

int window_size_parse(uint16_t *rows, uint16_t *columns, const struct frame *frame)
{
	struct reader reader = reader_of(frame->payload, frame->length);

	read_window_size(&reader, rows, columns);
	return reader_end(&reader);
}
