#include "fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include "virtio.h"

#define REQUESTS 1 /* the request queue; 0 is the queue for urgent requests */
#define TIMEOUT_MS 10000
#define READ_BYTES 512

static struct device device;
static struct page request, answer;

/* Sends a request of a header, `body` and `tail`, with room for an answer of `room` bytes. Returns 0 or -errno. */
static int call(uint32_t opcode, uint64_t node, const void *body, size_t body_size, const void *tail, size_t tail_size,
		uint32_t room)
{
	static uint64_t unique;
	struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + body_size + tail_size),
		.opcode = opcode,
		.unique = ++unique,
		.nodeid = node,
	};
	struct fuse_out_header out;
	const uint32_t head = sizeof(out);
	const struct buffer buffers[] = {
		{ request.address, in.len, false },
		{ answer.address, head, true },
		{ answer.address + head, room, true },
	};

	if (in.len > PAGE_BYTES)
		return -ENAMETOOLONG;
	memcpy(request.data, &in, sizeof(in));
	memcpy(request.data + sizeof(in), body, body_size);
	memcpy(request.data + sizeof(in) + body_size, tail, tail_size);
	memset(answer.data, 0, PAGE_BYTES);
	virtio_send(&device, REQUESTS, buffers, 3);
	if (virtio_wait(&device, REQUESTS, TIMEOUT_MS) < 0)
		return -ETIMEDOUT;
	memcpy(&out, answer.data, sizeof(out));
	return out.error;
}

static int call_named(uint32_t opcode, uint64_t node, const void *body, size_t body_size, const char *name)
{
	return call(opcode, node, body, body_size, name, strlen(name) + 1, 2048);
}

static const void *answered(void)
{
	return answer.data + sizeof(struct fuse_out_header);
}

static size_t answered_bytes(void)
{
	struct fuse_out_header out;

	memcpy(&out, answer.data, sizeof(out));
	return out.len > PAGE_BYTES || out.len < sizeof(out) ? 0 : out.len - sizeof(out);
}

static void entry_of(struct fuse_node *node)
{
	struct fuse_entry_out entry;

	memcpy(&entry, answered(), sizeof(entry));
	*node = (struct fuse_node){ .id = entry.nodeid, .mode = entry.attr.mode };
}

int fuse_open_device(void)
{
	const struct fuse_init_in init = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION };
	int err = virtio_open(&device, VIRTIO_FS);

	if (err)
		return err;
	virtio_pin();
	if (page_allocate(&request) || page_allocate(&answer))
		return -ENOMEM;
	err = virtio_take(&device, REQUESTS + 1);
	return err ? err : call(FUSE_INIT, 0, &init, sizeof(init), "", 0, 2048);
}

int fuse_lookup(uint64_t folder, const char *name, struct fuse_node *node)
{
	int err = call_named(FUSE_LOOKUP, folder, "", 0, name);

	if (!err)
		entry_of(node);
	return err;
}

int fuse_read_link(uint64_t node, char *text, size_t size)
{
	int err = call(FUSE_READLINK, node, "", 0, "", 0, 2048);

	if (!err)
		snprintf(text, size, "%.*s", (int)answered_bytes(), (const char *)answered());
	return err;
}

int fuse_symlink(uint64_t folder, const char *name, const char *target)
{
	return call(FUSE_SYMLINK, folder, name, strlen(name) + 1, target, strlen(target) + 1, 2048);
}

static int open_node(uint32_t opcode, uint64_t node, uint32_t flags, uint64_t *handle)
{
	const struct fuse_open_in in = { .flags = flags };
	int err = call(opcode, node, &in, sizeof(in), "", 0, 2048);

	if (!err)
		*handle = ((const struct fuse_open_out *)answered())->fh;
	return err;
}

int fuse_list(uint64_t node, char *names, size_t size)
{
	struct fuse_read_in in = { .size = 2000 };
	int err = open_node(FUSE_OPENDIR, node, O_RDONLY | O_DIRECTORY, &in.fh);

	if (!err)
		err = call(FUSE_READDIR, node, &in, sizeof(in), "", 0, in.size);
	if (err)
		return err;
	names[0] = 0;
	for (size_t at = 0, used = 0; at + FUSE_NAME_OFFSET <= answered_bytes();) {
		const struct fuse_dirent *entry = (const struct fuse_dirent *)((const uint8_t *)answered() + at);

		used += (size_t)snprintf(names + used, size - used, " %.*s", (int)entry->namelen, entry->name);
		if (used >= size)
			break;
		at += FUSE_DIRENT_SIZE(entry);
	}
	return 0;
}

int fuse_read(uint64_t node, char *text, size_t size)
{
	struct fuse_read_in in = { .size = READ_BYTES };
	int err = open_node(FUSE_OPEN, node, O_RDONLY, &in.fh);

	if (!err)
		err = call(FUSE_READ, node, &in, sizeof(in), "", 0, READ_BYTES);
	if (!err)
		snprintf(text, size, "%.*s", (int)answered_bytes(), (const char *)answered());
	return err;
}

static int write_text(uint64_t node, uint64_t handle, const char *text)
{
	const struct fuse_write_in in = { .fh = handle, .size = (uint32_t)strlen(text) };

	return call(FUSE_WRITE, node, &in, sizeof(in), text, in.size, 2048);
}

int fuse_write(uint64_t node, const char *text)
{
	uint64_t handle;
	int err = open_node(FUSE_OPEN, node, O_RDWR, &handle);

	return err ? err : write_text(node, handle, text);
}

int fuse_create(uint64_t folder, const char *name, const char *text)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_CREAT, .mode = 0100644 };
	int err = call_named(FUSE_CREATE, folder, &in, sizeof(in), name);
	struct fuse_node node;
	uint64_t handle;

	if (err)
		return err;
	entry_of(&node);
	handle = ((const struct fuse_open_out *)((const uint8_t *)answered() + sizeof(struct fuse_entry_out)))->fh;
	return write_text(node.id, handle, text);
}

int fuse_map(uint64_t node, uint64_t offset)
{
	const struct {
		uint64_t handle, file_offset, length, flags, memory_offset;
	} in = { .length = PAGE_BYTES, .flags = 2 /* for reading */, .memory_offset = offset };

	return call(FUSE_SETUPMAPPING, node, &in, sizeof(in), "", 0, 2048);
}
