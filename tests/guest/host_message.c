#include "host_message.h"

#include <endian.h>
#include <string.h>

#include "base/bytes.h"
#include "test.h"

void host_message_begin(struct host_message *message, uint32_t type, uint32_t stream)
{
	message->length = 0;
	host_message_u32(message, 0);
	host_message_u32(message, type);
	host_message_u32(message, stream);
	put_u32(message->bytes, 0);
}

void host_message_bytes(struct host_message *message, const void *bytes, size_t length)
{
	CHECK(length <= sizeof(message->bytes) - message->length);
	memcpy(message->bytes + message->length, bytes, length);
	message->length += length;
	put_u32(message->bytes, (uint32_t)(message->length - FRAME_HEADER_BYTES));
}

void host_message_u32(struct host_message *message, uint32_t value)
{
	uint8_t bytes[4];

	put_u32(bytes, value);
	host_message_bytes(message, bytes, sizeof(bytes));
}

static void add_u64(struct host_message *message, uint64_t value)
{
	host_message_u32(message, (uint32_t)value);
	host_message_u32(message, (uint32_t)(value >> 32));
}

static void add_ipv6(struct host_message *message, const struct in6_addr *address)
{
	uint64_t halves[2];

	memcpy(halves, address, sizeof(halves));
	add_u64(message, be64toh(halves[0]));
	add_u64(message, be64toh(halves[1]));
}

static void add_str(struct host_message *message, const char *text)
{
	host_message_u32(message, (uint32_t)strlen(text));
	host_message_bytes(message, text, strlen(text));
}

void host_message_setup(struct host_message *message, const struct setup_message *setup)
{
	host_message_begin(message, MSG_SETUP, 0);
	add_u64(message, setup->clock_ns);
	add_str(message, setup->hostname);
	host_message_u32(message, setup->flags);
	add_str(message, setup->rootfs);
	host_message_u32(message, setup->file_count);
	for (uint32_t i = 0; i < setup->file_count; i++) {
		add_str(message, setup->files[i].path);
		host_message_u32(message, setup->files[i].mode);
		host_message_u32(message, setup->files[i].content.length);
		host_message_bytes(message, setup->files[i].content.bytes, setup->files[i].content.length);
	}
	host_message_u32(message, setup->mount_count);
	for (uint32_t i = 0; i < setup->mount_count; i++) {
		add_str(message, setup->mounts[i].source);
		add_str(message, setup->mounts[i].target);
		host_message_u32(message, setup->mounts[i].flags);
	}
	host_message_u32(message, setup->rlimit_count);
	for (uint32_t i = 0; i < setup->rlimit_count; i++) {
		host_message_u32(message, setup->rlimits[i].resource);
		add_u64(message, setup->rlimits[i].soft);
		add_u64(message, setup->rlimits[i].hard);
	}
	host_message_u32(message, setup->interface_count);
	for (uint32_t i = 0; i < setup->interface_count; i++) {
		add_str(message, setup->interfaces[i].name);
		host_message_u32(message, setup->interfaces[i].address);
		host_message_u32(message, setup->interfaces[i].prefix);
		host_message_u32(message, setup->interfaces[i].gateway);
		host_message_u32(message, setup->interfaces[i].mtu);
		add_ipv6(message, &setup->interfaces[i].address6);
		host_message_u32(message, setup->interfaces[i].prefix6);
		add_ipv6(message, &setup->interfaces[i].gateway6);
	}
	host_message_u32(message, setup->share_files);
}

static void add_strs(struct host_message *message, char *const *strs)
{
	uint32_t count = 0;

	while (strs[count])
		count++;
	host_message_u32(message, count);
	for (uint32_t i = 0; i < count; i++)
		add_str(message, strs[i]);
}

void host_message_exec(struct host_message *message, uint32_t stream, const struct exec_message *exec)
{
	host_message_begin(message, MSG_EXEC, stream);
	host_message_u32(message, exec->flags);
	host_message_u32(message, exec->rows);
	host_message_u32(message, exec->columns);
	add_str(message, exec->cwd);
	add_str(message, exec->user);
	add_strs(message, exec->argv);
	add_strs(message, exec->env);
}
