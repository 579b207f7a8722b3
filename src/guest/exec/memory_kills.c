#include "exec/memory_kills.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The largest record of /dev/kmsg: CONSOLE_EXT_LOG_MAX in the kernel. */
#define RECORD_BYTES 8192
#define LEVEL_BITS 3

/* Only the kernel log reports these kills: libkrunfw's kernel has no oom_kill in /proc/vmstat. */
static int kernel_log = -1;
static uint64_t count;

bool memory_kills_is_one(const char *record)
{
	char *end;
	unsigned long priority = strtoul(record, &end, 10);

	/* The kernel's facility is 0. Programs that write to the log have others. */
	return end != record && priority >> LEVEL_BITS == 0 && strstr(end, "ut of memory: Killed process ");
}

uint64_t memory_kills(void)
{
	char record[RECORD_BYTES + 1];

	if (kernel_log < 0) {
		kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (kernel_log >= 0)
			lseek(kernel_log, 0, SEEK_END);
	}
	for (;;) {
		ssize_t size = read(kernel_log, record, RECORD_BYTES);

		/* Some records were overwritten before they were read. */
		if (size < 0 && errno == EPIPE)
			continue;
		if (size <= 0)
			return count;
		record[size] = '\0';
		count += memory_kills_is_one(record);
	}
}
