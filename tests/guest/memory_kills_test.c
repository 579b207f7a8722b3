#include "exec/memory_kills.h"
#include "test.h"

static void kills(void)
{
	CHECK(memory_kills_is_one("3,512,6400000,-;Out of memory: Killed process 77 (tail) total-vm:9kB, anon-rss:8kB\n"));
	CHECK(memory_kills_is_one("3,1,2,-;Memory cgroup out of memory: Killed process 7 (a) total-vm:1kB\n"));
}

static void others(void)
{
	CHECK(!memory_kills_is_one("6,1,2,-;Out of memory\n"));
	CHECK(!memory_kills_is_one("4,512,6400000,-;tail invoked oom-killer: gfp_mask=0x140dca, order=0\n"));
	/* Facility 1: a program wrote it. */
	CHECK(!memory_kills_is_one("12,3,4,-;Out of memory: Killed process 77 (tail)\n"));
	CHECK(!memory_kills_is_one(""));
	CHECK(!memory_kills_is_one("Out of memory: Killed process 77\n"));
}

int main(void)
{
	static const struct test tests[] = {
		{ "memory_kills_is_one() recognizes the kernel's messages about kills", kills },
		{ "memory_kills_is_one() ignores other messages, and those of programs", others },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
