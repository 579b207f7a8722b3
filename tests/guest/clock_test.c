#include <stdint.h>

#include "setup/clock.h"
#include "test.h"

#define S 1000000000ll

static void jumps(void)
{
	CHECK(clock_must_be_set(3600 * S, true));
	CHECK(clock_must_be_set(-3600 * S, true));
	CHECK(clock_must_be_set(S / 2, true));
	CHECK(clock_must_be_set(-S / 2, true));
	CHECK(clock_must_be_set(INT64_MAX, false));
	CHECK(clock_must_be_set(INT64_MIN, false));
	CHECK(clock_must_be_set(11 * S, false));
	CHECK(clock_must_be_set(-11 * S, false));
}

static void drifts(void)
{
	CHECK(!clock_must_be_set(0, true));
	CHECK(!clock_must_be_set(S / 10, true));
	CHECK(!clock_must_be_set(-S / 10, true));
	/* A delayed message makes a correct clock appear to be ahead by the same time. */
	CHECK(!clock_must_be_set(-5 * S, false));
	CHECK(!clock_must_be_set(S, false));
}

int main(void)
{
	static const struct test tests[] = {
		{ "clock_must_be_set() is true after a jump of the host's clock in either direction", jumps },
		{ "clock_must_be_set() leaves small drifts to be slewed", drifts },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
