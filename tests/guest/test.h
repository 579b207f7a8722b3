/* The framework of these test programs: named tests, each in its own process with a deadline. */
#ifndef SMOLVM_TEST_H
#define SMOLVM_TEST_H

#include <stddef.h>

struct test {
	const char *name;
	void (*run)(void);
};

/* Runs all tests, prints the failures and `N passed, N failed`. Returns the program's exit code. */
int test_main(const struct test *tests, size_t count);

/* Fails the test with a message. */
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

/* A new folder for this test; test_main() removes it. */
const char *test_folder(void);
/* Writes a file in that folder, and creates its parents. Returns its path, which is valid until the next call. */
const char *test_file(const char *name, const char *content, unsigned mode);

#endif
