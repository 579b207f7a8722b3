#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drop_caches.h"
#include "setup/inode_cache.h"
#include "test.h"

#define DROP_CACHES "vm/drop_caches"

static void know(const char *inodes)
{
	char text[64];

	snprintf(text, sizeof(text), "%s\t0\n", inodes);
	test_file("fs/inode-nr", text, 0600);
}

static void limited(void)
{
	know("300");
	test_file(DROP_CACHES, "0", 0600);
	inode_cache_limit(test_folder(), 4000);

	/* 700 more inodes until the next drop. */
	CHECK_INT(inode_cache_check(), 10);
	CHECK(!was_dropped(DROP_CACHES));
	know("1000");
	CHECK_INT(inode_cache_check(), 10);
	CHECK(was_dropped(DROP_CACHES));
	/* Inodes that remained after the drop do not count. */
	know("800");
	CHECK_INT(inode_cache_check(), 10);
	know("1799");
	CHECK_INT(inode_cache_check(), 10);
	CHECK(!was_dropped(DROP_CACHES));
	know("1800");
	CHECK_INT(inode_cache_check(), 10);
	CHECK(was_dropped(DROP_CACHES));
}

static void pauses(void)
{
	know("2144");
	test_file(DROP_CACHES, "0", 0600);
	inode_cache_limit(test_folder(), 1048576);
	CHECK_INT(inode_cache_check(), (1048576 / 4 - 2144) / 200);
	inode_cache_limit(test_folder(), UINT32_MAX);
	CHECK_INT(inode_cache_check(), 2000);
}

static void unlimited(void)
{
	know("1000000");
	test_file(DROP_CACHES, "0", 0600);
	inode_cache_limit(test_folder(), 0);
	CHECK_INT(inode_cache_check(), -1);
	/* A kernel without these files. */
	inode_cache_limit("/none", 4000);
	CHECK_INT(inode_cache_check(), -1);
	CHECK(!was_dropped(DROP_CACHES));
}

int main(void)
{
	static const struct test tests[] = {
		{ "inode_cache_check() drops caches before the host's limit, and counts from the rest", limited },
		{ "inode_cache_check() checks again before the guest can reach the limit", pauses },
		{ "inode_cache_check() does nothing without a limit or without the kernel's files", unlimited },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
