#include "setup/page_cache.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_MS 10000
/* The guest is idle after its CPUs were busy for less than BUSY_PERCENT of CHECK_MS, IDLE_CHECKS times in a row. */
#define BUSY_PERCENT 2
#define IDLE_CHECKS 3
/* Dropping a smaller cache costs more (re-reading) than it frees. */
#define WORTH_KIB (32 * 1024)

/* CPU times from /proc/stat, in clock ticks. */
struct times {
	unsigned long long all, idle;
};

static int stat_file = -1, memory_file = -1, drop_file = -1;
static struct times last;
static int64_t next_ms;
static int idle_checks;
static bool has_dropped;
static long kept_kib; /* the size of the cache at the first check after a drop */

static int open_below(const char *folder, const char *name, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags | O_CLOEXEC);
}

/* Reads the start of a /proc file as text. */
static bool read_text(int fd, char *text, size_t size)
{
	ssize_t length = pread(fd, text, size - 1, 0);

	text[length < 0 ? 0 : length] = '\0';
	return length > 0;
}

static bool read_times(struct times *times)
{
	unsigned long long values[8];
	char text[512];

	/* user, nice, system, idle, iowait, irq, softirq, steal */
	if (!read_text(stat_file, text, sizeof(text)) ||
	    sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &values[0], &values[1], &values[2], &values[3], &values[4],
		   &values[5], &values[6], &values[7]) != 8)
		return false;
	*times = (struct times){ .idle = values[3] + values[4] };
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		times->all += values[i];
	return true;
}

static long read_kib(const char *text, const char *label)
{
	const char *line = strstr(text, label);

	return line ? strtol(line + strlen(label), NULL, 10) : 0;
}

/* The approximate size of the cache that can be dropped, which excludes the pages of memory file systems. */
static long read_cached_kib(void)
{
	char text[4096];

	if (!read_text(memory_file, text, sizeof(text)))
		return 0;
	return read_kib(text, "\nBuffers:") + read_kib(text, "\nCached:") - read_kib(text, "\nShmem:") +
	       read_kib(text, "\nSReclaimable:");
}

void page_cache_watch(const char *proc)
{
	stat_file = open_below(proc, "stat", O_RDONLY);
	memory_file = open_below(proc, "meminfo", O_RDONLY);
	drop_file = open_below(proc, "sys/vm/drop_caches", O_WRONLY);
	last = (struct times){ 0 };
	next_ms = 0;
	idle_checks = 0;
	has_dropped = false;
	kept_kib = 0;
}

/* Drops the cache in a child process, because it can take long. Dirty pages are not dropped. */
static void drop(void)
{
	if (fork() == 0)
		_exit(pwrite(drop_file, "3", 1, 0) == 1 ? 0 : 1);
	has_dropped = true;
}

static bool was_idle(void)
{
	struct times now = { 0 };

	if (!read_times(&now))
		return false;

	unsigned long long all = now.all - last.all, idle = now.idle - last.idle;

	last = now;
	return (all - idle) * 100 < all * BUSY_PERCENT;
}

int page_cache_check(int64_t now_ms)
{
	if (stat_file < 0 || memory_file < 0 || drop_file < 0)
		return -1;
	if (now_ms < next_ms)
		return (int)(next_ms - now_ms);
	next_ms = now_ms + CHECK_MS;
	if (has_dropped)
		kept_kib = read_cached_kib();
	has_dropped = false;
	if (!was_idle())
		idle_checks = 0;
	else if (idle_checks < IDLE_CHECKS && ++idle_checks == IDLE_CHECKS && read_cached_kib() > kept_kib + WORTH_KIB)
		drop();
	return CHECK_MS;
}
