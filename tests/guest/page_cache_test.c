#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "drop_caches.h"
#include "setup/page_cache.h"
#include "setup/read_ahead.h"
#include "test.h"

#define DROP_CACHES "sys/vm/drop_caches"
#define CHECK_MS 10000

static int64_t now_ms;
static int busy, idle;

/* Lets 10 s pass, in which the processors were busy for `busy_units` of 1000 ticks. Sets the size of the cache. */
static void pass(int busy_units, int cached_kib)
{
	char text[256];

	busy += busy_units;
	idle += 1000 - busy_units;
	now_ms += CHECK_MS;
	snprintf(text, sizeof(text), "cpu  %d 0 0 %d 0 0 0 0 0 0\ncpu0 1 2 3\n", busy, idle);
	test_file("stat", text, 0600);
	/* "Cached" includes the pages of memory file systems. */
	snprintf(text, sizeof(text), "MemTotal: 500000 kB\nBuffers: 1000 kB\nCached: %d kB\nShmem: 50000 kB\nSReclaimable: 9000 kB\n",
		 cached_kib + 50000 - 10000);
	test_file("meminfo", text, 0600);
	CHECK_INT(page_cache_check(now_ms), CHECK_MS);
}

static void start(void)
{
	test_file("stat", "", 0600);
	test_file("meminfo", "", 0600);
	test_file(DROP_CACHES, "0", 0600);
	page_cache_watch(test_folder());
}

static void dropped_once(void)
{
	start();
	pass(500, 200000);
	pass(19, 200000);
	pass(0, 200000);
	CHECK(!was_dropped(DROP_CACHES));
	pass(10, 200000);
	CHECK(was_dropped(DROP_CACHES));
	for (int times = 0; times < 5; times++)
		pass(0, 200000);
	CHECK(!was_dropped(DROP_CACHES));
}

static void dropped_again(void)
{
	start();
	for (int times = 0; times < 3; times++)
		pass(0, 100000);
	CHECK(was_dropped(DROP_CACHES));
	/* The rest cannot be dropped. */
	pass(0, 80000);
	pass(20, 80000);
	for (int times = 0; times < 4; times++)
		pass(0, 110000);
	CHECK(!was_dropped(DROP_CACHES));
	pass(20, 120000);
	for (int times = 0; times < 4; times++)
		pass(0, 120000);
	CHECK(was_dropped(DROP_CACHES));
}

static void not_dropped(void)
{
	start();
	/* Never idle long enough. */
	for (int times = 0; times < 12; times++)
		pass(times % 3 == 2 ? 20 : 0, 200000);
	CHECK(!was_dropped(DROP_CACHES));
	/* Too small a cache. */
	for (int times = 0; times < 6; times++)
		pass(0, 32000);
	CHECK(!was_dropped(DROP_CACHES));
	/* Nothing happens between two checks. */
	CHECK_INT(page_cache_check(now_ms + 1), CHECK_MS - 1);
	page_cache_watch("/none");
	CHECK_INT(page_cache_check(now_ms), -1);
}

static void reads_ahead(void)
{
	struct stat status;
	char name[64], path[512], text[8] = "";

	CHECK_INT(stat(test_folder(), &status), 0);
	snprintf(name, sizeof(name), "class/bdi/%u:%u/read_ahead_kb", major(status.st_dev), minor(status.st_dev));
	snprintf(path, sizeof(path), "%s", test_file(name, "128", 0600));
	read_ahead_raise(test_folder(), test_folder());

	FILE *file = fopen(path, "r");

	CHECK(file && fread(text, 1, sizeof(text) - 1, file) == 3);
	fclose(file);
	CHECK_TEXT(text, "512");
	/* A kernel without these files. */
	read_ahead_raise("/none", test_folder());
}

int main(void)
{
	static const struct test tests[] = {
		{ "page_cache_check() drops the cache once when the guest is idle for half a minute", dropped_once },
		{ "page_cache_check() drops the cache again when it has grown again", dropped_again },
		{ "page_cache_check() keeps the cache if the guest is busy or the cache is small", not_dropped },
		{ "read_ahead_raise() sets the read-ahead of the file system at a path", reads_ahead },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
