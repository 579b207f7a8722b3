/* The frame of every test program here: named tests, each in a process of its own with a deadline. */
#ifndef SMOLVM_TEST_H
#define SMOLVM_TEST_H

#include <stddef.h>

struct test {
	const char *name;
	void (*run)(void);
};

/* Runs all, prints what failed and `N passed, N failed`; the program's exit code. */
int test_main(const struct test *tests, size_t count);

/* Ends the test with a message. */
_Noreturn void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define CHECK(condition)                                               \
	do {                                                           \
		if (!(condition))                                      \
			test_fail(__FILE__, __LINE__, "%s", #condition); \
	} while (0)

#define CHECK_INT(actual, expected)                                                                          \
	do {                                                                                                 \
		long long actual_ = (long long)(actual), expected_ = (long long)(expected);                  \
		if (actual_ != expected_)                                                                    \
			test_fail(__FILE__, __LINE__, "%s is %lld, expected %lld", #actual, actual_, expected_); \
	} while (0)

#define CHECK_TEXT(actual, expected)                                                                               \
	do {                                                                                                       \
		const char *actual_ = (actual), *expected_ = (expected);                                           \
		if (!actual_ || strcmp(actual_, expected_) != 0)                                                   \
			test_fail(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #actual,                    \
				  actual_ ? actual_ : "(null)", expected_);                                        \
	} while (0)

/* A new folder of this test's own, removed by test_main(). */
const char *test_folder(void);
/* Writes a file of that folder, making its parents; its path, valid until the next call. */
const char *test_file(const char *name, const char *content, unsigned mode);

#endif
