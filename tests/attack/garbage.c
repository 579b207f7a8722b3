#include "garbage.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_vsock.h>
#include <string.h>
#include <unistd.h>

#include "virtio.h"

#define SETTLE_US 300000
#define SECTOR_BEYOND (1ULL << 40)
#define TSI_CREATE 1024
#define TSI_CONNECT 1025
#define DATAGRAM 3

static const struct {
	const char *name;
	enum virtio_id id;
	unsigned queues;
} DEVICES[] = {
	{ "rng", VIRTIO_RNG, 1 },         { "block", VIRTIO_BLOCK, 1 }, { "vsock", VIRTIO_VSOCK, 3 },
	{ "console", VIRTIO_CONSOLE, 2 }, { "balloon", VIRTIO_BALLOON, 5 },
};

/* Buffers at invalid addresses, in the hole below 4 GiB, past the end of memory, and so long that the end overflows. */
static void send_bad_buffers(struct device *device, unsigned queue, uint64_t good, uint32_t longest)
{
	const struct buffer bad[] = {
		{ good, longest, true },       { 0, 0, false },           { UINT64_MAX - 8, 4096, false },
		{ 1ULL << 62, 4096, false },   { 0xd0000000, 4096, true }, { good + 4000, longest, false },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		virtio_send(device, queue, &bad[i], 1);
		usleep(SETTLE_US / 4);
	}
	virtio_send(device, queue, bad, sizeof(bad) / sizeof(*bad));
	usleep(SETTLE_US);
}

/* Requests for sectors beyond the end of the disk. */
static void send_blocks(struct device *device, struct page *page)
{
	const uint32_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES, 99 };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct virtio_blk_outhdr header = { .type = types[i], .sector = SECTOR_BEYOND };
		const struct buffer request[] = {
			{ page->address, sizeof(header), false },
			{ page->address + 512, 512, types[i] == VIRTIO_BLK_T_IN },
			{ page->address + 2048, 1, true },
		};

		memcpy(page->data, &header, sizeof(header));
		virtio_send(device, 0, request, 3);
		usleep(SETTLE_US / 4);
	}
}

static void send_packet(struct device *device, struct page *page, struct virtio_vsock_hdr header, const void *body)
{
	const struct buffer packet[] = {
		{ page->address, sizeof(header), false },
		{ page->address + sizeof(header), 2048, false },
	};

	memcpy(page->data, &header, sizeof(header));
	memcpy(page->data + sizeof(header), body, header.len < 2048 ? header.len : 0);
	virtio_send(device, 1, packet, 2);
	usleep(20000);
}

/* Connects to all ports of this and other machines that might have a listener; and uses a network that it lacks. */
static void send_packets(struct device *device, struct page *page)
{
	const uint64_t cids[] = { 0, 1, 2, 3, 4, UINT64_MAX };
	const uint32_t ports[] = { 0, 1, 22, 620, TSI_CREATE, TSI_CONNECT, UINT32_MAX };
	const uint8_t stream[8] = { 77, 0, 0, 0, 2, 0, 1, 0 }; /* port, AF_INET, SOCK_STREAM */
	/* port, length of the address, AF_INET, port 1 of 127.0.0.1 */
	const uint8_t loopback[40] = { 77, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 1, 127, 0, 0, 1 };
	struct virtio_vsock_hdr header = { .src_cid = 3, .src_port = 77, .type = VIRTIO_VSOCK_TYPE_STREAM };

	for (size_t cid = 0; cid < sizeof(cids) / sizeof(*cids); cid++)
		for (size_t port = 0; port < sizeof(ports) / sizeof(*ports); port++)
			for (uint16_t op = 0; op <= VIRTIO_VSOCK_OP_CREDIT_REQUEST + 1; op += 3) {
				header.dst_cid = cids[cid];
				header.dst_port = ports[port];
				header.op = op;
				/* A length beyond the end of the packet. */
				header.len = op == VIRTIO_VSOCK_OP_INVALID ? UINT32_MAX : 0;
				send_packet(device, page, header, "");
			}
	header = (struct virtio_vsock_hdr){ .src_cid = 3, .dst_cid = 2, .src_port = 77, .type = DATAGRAM, .op = VIRTIO_VSOCK_OP_RW };
	header.dst_port = TSI_CREATE;
	header.len = sizeof(stream);
	send_packet(device, page, header, stream);
	header.dst_port = TSI_CONNECT;
	header.len = sizeof(loopback);
	send_packet(device, page, header, loopback);
}

int send_garbage(const char *name)
{
	struct device device;
	struct page page;

	for (size_t i = 0; i < sizeof(DEVICES) / sizeof(*DEVICES); i++) {
		if (strcmp(name, DEVICES[i].name))
			continue;

		int err = virtio_open(&device, DEVICES[i].id);

		if (!err)
			err = page_allocate(&page);
		if (!err)
			err = virtio_take(&device, DEVICES[i].queues);
		if (err)
			return err;

		/* libkrun allocates and fills as many bytes as the random number generator is asked for. */
		uint32_t longest = DEVICES[i].id == VIRTIO_RNG ? 1 << 16 : UINT32_MAX;

		if (DEVICES[i].id == VIRTIO_BLOCK)
			send_blocks(&device, &page);
		if (DEVICES[i].id == VIRTIO_VSOCK)
			send_packets(&device, &page);
		for (unsigned queue = 0; queue < DEVICES[i].queues; queue++)
			send_bad_buffers(&device, queue, page.address, longest);
		return 0;
	}
	return -EINVAL;
}
