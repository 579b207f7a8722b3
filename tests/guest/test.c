#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/folders.h"

#define DEADLINE_S 60 /* generous: the arm64 tests run emulated */

static char folder[] = "/tmp/smolvm-guest-test.XXXXXX";

void test_fail(const char *file, int line, const char *format, ...)
{
	va_list values;

	fprintf(stderr, "  %s:%d: ", file, line);
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fputc('\n', stderr);
	_exit(1);
}

const char *test_folder(void)
{
	return folder;
}

const char *test_file(const char *name, const char *content, unsigned mode)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	CHECK(folders_make_parent(path, 0755) == 0);

	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	CHECK(fchmod(fd, mode) == 0);
	close(fd);
	return path;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

static int run_one(const struct test *test)
{
	int status = 0;

	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	fflush(NULL);

	pid_t pid = fork();

	if (pid == 0) {
		alarm(DEADLINE_S);
		test->run();
		fflush(NULL);
		_exit(0); /* not exit(): memory that a test leaves allocated is not a leak of the agent */
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (status == 0)
		return 0;
	if (WIFSIGNALED(status))
		fprintf(stderr, "  killed by signal %d\n", WTERMSIG(status));
	fprintf(stderr, "FAILED %s\n", test->name);
	return -1;
}

int test_main(const struct test *tests, size_t count)
{
	size_t failed = 0;

	for (size_t i = 0; i < count; i++)
		failed += run_one(&tests[i]) < 0;
	printf("%zu passed, %zu failed\n", count - failed, failed);
	return failed > 0;
}
