#include "virtio.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Registers of virtio-mmio, by their offset / 4. */
enum {
	REG_MAGIC = 0x00 / 4,
	REG_DEVICE_ID = 0x08 / 4,
	REG_DRIVER_FEATURES = 0x20 / 4,
	REG_DRIVER_FEATURES_SELECT = 0x24 / 4,
	REG_QUEUE_SELECT = 0x30 / 4,
	REG_QUEUE_SIZE = 0x38 / 4,
	REG_QUEUE_READY = 0x44 / 4,
	REG_QUEUE_NOTIFY = 0x50 / 4,
	REG_STATUS = 0x70 / 4,
	REG_QUEUE_DESCRIPTORS = 0x80 / 4, /* low, high; likewise the next two */
	REG_QUEUE_AVAILABLE = 0x90 / 4,
	REG_QUEUE_USED = 0xa0 / 4,
};
#define MAGIC 0x74726976
#define VERSION_1_HIGH 1 /* feature bit 32 */
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };

/* A ring page: descriptors, then the available ring, then the used ring. */
#define AVAILABLE_AT 1024
#define USED_AT 2048

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};
enum { NEXT = 1, WRITE = 2 };

void virtio_pin(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		perror("mlockall");
}

int page_allocate(struct page *page)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	page->data = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (page->data == MAP_FAILED || mlock(page->data, PAGE_BYTES) < 0) {
		close(fd);
		return -ENOMEM;
	}
	memset(page->data, 0, PAGE_BYTES);

	ssize_t count = pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page->data / PAGE_BYTES * sizeof(entry)));

	close(fd);
	page->address = (entry & ((1ULL << 55) - 1)) * PAGE_BYTES;
	return count == sizeof(entry) && page->address != 0 ? 0 : -EPERM;
}

/* Unbinds a device from its driver: a kernel with strict /dev/mem does not allow access to pages that a driver uses. */
static void unbind(const char *name)
{
	int fd = open("/sys/bus/platform/drivers/virtio-mmio/unbind", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, name, strlen(name)) < 0)
		perror("unbind");
	close(fd);
}

static bool is_kind(const char *name, enum virtio_id id)
{
	char pattern[160], text[16] = "";
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/sys/bus/platform/devices/%s/virtio*/device", name);
	if (glob(pattern, 0, NULL, &found) != 0)
		return false;

	int fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);

	globfree(&found);
	if (fd < 0)
		return false;

	ssize_t count = read(fd, text, sizeof(text) - 1);

	close(fd);
	return count > 0 && strtoul(text, NULL, 0) == id;
}

static volatile uint32_t *map(int memory, uint64_t address)
{
	void *registers = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory, (off_t)address);

	return registers == MAP_FAILED ? NULL : registers;
}

/* root can create the file again if it was removed. */
static int open_memory(void)
{
	static const char made[] = "/dev/.attack-mem";
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	if (mknod(made, S_IFCHR | 0600, makedev(1, 1)) < 0)
		return -errno;
	fd = open(made, O_RDWR | O_SYNC | O_CLOEXEC);

	int err = -errno;

	unlink(made);
	return fd < 0 ? err : fd;
}

int virtio_open(struct device *device, enum virtio_id id)
{
	char line[200], name[64];
	unsigned long long start;
	int memory = open_memory();

	if (memory < 0)
		return memory;

	FILE *map_of_memory = fopen("/proc/iomem", "r");
	int result = -ENODEV;

	while (result == -ENODEV && map_of_memory && fgets(line, sizeof(line), map_of_memory)) {
		const char *found = strstr(line, "virtio-mmio");

		if (!found || sscanf(found, "%63s", name) != 1 || sscanf(line, " %llx", &start) != 1 || !is_kind(name, id))
			continue;
		device->registers = map(memory, start);
		if (!device->registers) {
			unbind(name);
			device->registers = map(memory, start);
		}
		if (!device->registers)
			result = -errno;
		else if (device->registers[REG_MAGIC] == MAGIC && device->registers[REG_DEVICE_ID] == id)
			result = 0;
	}
	if (map_of_memory)
		fclose(map_of_memory);
	close(memory);
	return result;
}

static void set_address(struct device *device, int reg, uint64_t address)
{
	device->registers[reg] = (uint32_t)address;
	device->registers[reg + 1] = (uint32_t)(address >> 32);
}

int virtio_take(struct device *device, unsigned queues)
{
	volatile uint32_t *registers = device->registers;

	for (unsigned queue = 0; queue < queues; queue++) {
		int err = page_allocate(&device->rings[queue]);

		if (err)
			return err;
		device->sent[queue] = 0;
	}
	registers[REG_STATUS] = 0;
	registers[REG_STATUS] = ACKNOWLEDGE;
	registers[REG_STATUS] = ACKNOWLEDGE | DRIVER;
	for (uint32_t half = 0; half < 2; half++) {
		registers[REG_DRIVER_FEATURES_SELECT] = half;
		registers[REG_DRIVER_FEATURES] = half * VERSION_1_HIGH;
	}
	registers[REG_STATUS] = ACKNOWLEDGE | DRIVER | FEATURES_OK;
	for (unsigned queue = 0; queue < queues; queue++) {
		uint64_t address = device->rings[queue].address;

		registers[REG_QUEUE_SELECT] = queue;
		registers[REG_QUEUE_SIZE] = QUEUE_SIZE;
		set_address(device, REG_QUEUE_DESCRIPTORS, address);
		set_address(device, REG_QUEUE_AVAILABLE, address + AVAILABLE_AT);
		set_address(device, REG_QUEUE_USED, address + USED_AT);
		registers[REG_QUEUE_READY] = 1;
	}
	registers[REG_STATUS] = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
	return 0;
}

void virtio_send(struct device *device, unsigned queue, const struct buffer *buffers, unsigned count)
{
	uint8_t *ring = device->rings[queue].data;
	struct descriptor *descriptors = (struct descriptor *)ring;
	volatile uint16_t *available = (uint16_t *)(ring + AVAILABLE_AT);

	for (unsigned i = 0; i < count; i++)
		descriptors[i] = (struct descriptor){
			.address = buffers[i].address,
			.length = buffers[i].length,
			.flags = (uint16_t)((buffers[i].writable ? WRITE : 0) | (i + 1 < count ? NEXT : 0)),
			.next = (uint16_t)(i + 1),
		};
	available[2 + device->sent[queue] % QUEUE_SIZE] = 0;
	__sync_synchronize();
	available[1] = ++device->sent[queue];
	__sync_synchronize();
	device->registers[REG_QUEUE_NOTIFY] = queue;
}

int virtio_wait(struct device *device, unsigned queue, int timeout_ms)
{
	const volatile uint16_t *used = (uint16_t *)(device->rings[queue].data + USED_AT);

	for (int waited_ms = 0; used[1] != device->sent[queue]; waited_ms++) {
		if (waited_ms >= timeout_ms)
			return -ETIMEDOUT;
		usleep(1000);
	}
	__sync_synchronize();
	return 0;
}
