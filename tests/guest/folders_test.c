#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "test.h"

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", test_folder(), name);
	return path;
}

static void check_folder(const char *name)
{
	struct stat status;

	CHECK(stat(path_of(name), &status) == 0 && S_ISDIR(status.st_mode));
}

static void all_that_is_missing(void)
{
	umask(022);
	CHECK_INT(folders_make(path_of("a//b/c/"), 0755), 0);
	check_folder("a/b/c");
	CHECK_INT(folders_make(path_of("a/b/c"), 0700), 0);

	struct stat status;

	CHECK(stat(path_of("a/b/c"), &status) == 0);
	CHECK_INT(status.st_mode & 07777, 0755);
	CHECK_INT(folders_make("/", 0755), 0);
	CHECK(chdir(test_folder()) == 0);
	CHECK_INT(folders_make("relative/path", 0755), 0);
	check_folder("relative/path");
}

static void through_links(void)
{
	CHECK(mkdir(path_of("run"), 0755) == 0 && mkdir(path_of("var"), 0755) == 0);
	CHECK(symlink("../run", path_of("var/run")) == 0);
	CHECK_INT(folders_make(path_of("var/run/x"), 0755), 0);
	check_folder("run/x");
}

static void links_to_nothing(void)
{
	char absolute[256];

	snprintf(absolute, sizeof(absolute), "%s", path_of("deep/er"));
	CHECK(symlink("lib2", path_of("lib")) == 0 && symlink(absolute, path_of("lib2")) == 0);
	CHECK_INT(folders_make(path_of("lib/x"), 0755), 0);
	check_folder("deep/er/x");
}

static void links_in_circles(void)
{
	CHECK(symlink("two", path_of("one")) == 0 && symlink("one", path_of("two")) == 0);
	CHECK_INT(folders_make(path_of("one/x"), 0755), -ELOOP);
}

static void files_in_the_way(void)
{
	test_file("file", "", 0644);
	CHECK_INT(folders_make(path_of("file"), 0755), -ENOTDIR);
	CHECK_INT(folders_make(path_of("file/x"), 0755), -ENOTDIR);
}

static void the_parent_only(void)
{
	CHECK_INT(folders_make_parent(path_of("p/q/file"), 0755), 0);
	check_folder("p/q");
	CHECK(access(path_of("p/q/file"), F_OK) < 0);
	CHECK_INT(folders_make_parent("name", 0755), 0);
	CHECK_INT(folders_make_parent("/name", 0755), 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "folders_make() creates all missing folders and does not change existing ones", all_that_is_missing },
		{ "folders_make() follows links", through_links },
		{ "folders_make() creates the targets of dangling links", links_to_nothing },
		{ "folders_make() fails on link loops", links_in_circles },
		{ "folders_make() refuses files in the way", files_in_the_way },
		{ "folders_make_parent() stops before the last name", the_parent_only },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
