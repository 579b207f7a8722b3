/* Takes a virtio device from the guest's kernel, through /dev/mem, with queues in this process's pages. */
#ifndef ATTACK_VIRTIO_H
#define ATTACK_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096
#define QUEUE_SIZE 16

#define MAX_QUEUES 5

enum virtio_id {
	VIRTIO_BLOCK = 2,
	VIRTIO_CONSOLE = 3,
	VIRTIO_RNG = 4,
	VIRTIO_BALLOON = 5,
	VIRTIO_VSOCK = 19,
	VIRTIO_FS = 26,
};

/* A pinned page and its guest-physical address. */
struct page {
	uint8_t *data;
	uint64_t address;
};

struct buffer {
	uint64_t address;
	uint32_t length;
	bool writable; /* by the device */
};

struct device {
	volatile uint32_t *registers;
	struct page rings[MAX_QUEUES];
	uint16_t sent[MAX_QUEUES];
};

/* Pins all memory of the process, so that no page must be read from a file share that no longer answers. */
void virtio_pin(void);

/* Returns 0 or -errno. */
int page_allocate(struct page *page);

/* Maps the first device of a kind. Returns 0 or -errno: the error of /dev/mem, or -ENODEV. */
int virtio_open(struct device *device, enum virtio_id id);

/* Resets the device and takes over its first `queues` queues. Returns 0 or -errno. */
int virtio_take(struct device *device, unsigned queues);

/* Queues a chain of buffers without waiting for it. The addresses are not checked. */
void virtio_send(struct device *device, unsigned queue, const struct buffer *buffers, unsigned count);

/* Waits until the device has used all buffers that were sent. Returns 0 or -ETIMEDOUT. */
int virtio_wait(struct device *device, unsigned queue, int timeout_ms);

#endif
