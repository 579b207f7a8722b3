#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "setup/file_block.h"
#include "setup/files.h"
#include "tools/files_tool.h"
#include "wire/protocol.h"
#include "test.h"
#include "base/transfer.h"

static int input = -1; /* the input of `files write`; -1: none */
static char output[256 * 1024], said[256];
static size_t output_length;

/* Replaces a descriptor by a new file, and saves the old one. */
static int divert(int fd, int *saved)
{
	int file = memfd_create("stream", MFD_CLOEXEC);

	fflush(NULL);
	*saved = dup(fd);
	CHECK(file >= 0 && *saved >= 0 && dup2(file, fd) == fd);
	return file;
}

static size_t restore(int fd, int file, int saved, char *content, size_t size)
{
	fflush(NULL);
	CHECK(dup2(saved, fd) == fd);
	close(saved);

	ssize_t count = pread(file, content, size - 1, 0);

	CHECK(count >= 0);
	content[count] = '\0';
	close(file);
	return (size_t)count;
}

/* Runs the tool in the test's folder. */
static int run(const char *action, const char *first, const char *second, const char *third)
{
	char *argv[] = { "files", (char *)action, (char *)first, (char *)second, (char *)third, NULL };
	int argc = 0, saved[2];

	while (argv[argc])
		argc++;
	CHECK(chdir(test_folder()) == 0);
	if (input >= 0)
		CHECK(lseek(input, 0, SEEK_SET) == 0 && dup2(input, STDIN_FILENO) == STDIN_FILENO);

	int out = divert(STDOUT_FILENO, &saved[0]), errors = divert(STDERR_FILENO, &saved[1]);
	int code = files_tool(argc, argv);

	restore(STDERR_FILENO, errors, saved[1], said, sizeof(said));
	output_length = restore(STDOUT_FILENO, out, saved[0], output, sizeof(output));
	if (input >= 0)
		close(input);
	input = -1;
	return code;
}

/* Adds a part to the next input. */
static void give(const char *data, uint32_t length)
{
	uint8_t head[4];

	if (input < 0)
		input = memfd_create("input", MFD_CLOEXEC);
	put_u32(head, length);
	CHECK_INT(write_all(input, head, sizeof(head)), 0);
	CHECK_INT(write_all(input, data, strlen(data)), 0);
}

static void give_text(const char *text)
{
	give(text, (uint32_t)strlen(text));
	give("", 0);
}

static struct stat status_of(const char *path)
{
	struct stat status;

	CHECK(lstat(path, &status) == 0);
	return status;
}

static void check_content(const char *path, const char *expected)
{
	CHECK_INT(run("read", path, NULL, NULL), 0);
	CHECK_TEXT(output, expected);
}

/* Fails unless the test's folder contains that many files, hidden ones included. */
static void check_count(int expected)
{
	char command[64];

	snprintf(command, sizeof(command), "test $(ls -A | wc -l) = %d || { ls -lA >&2; false; }", expected);
	CHECK_INT(system(command), 0);
}

static void reads(void)
{
	char large[200000];

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	test_file("large", large, 0);
	test_file("empty", "", 0644);
	check_content("large", large);
	check_content("empty", "");
	CHECK_INT(run("read", "/proc/self/comm", NULL, NULL), 0);
	CHECK(output_length > 0);
}

static void reads_files_only(void)
{
	CHECK(chdir(test_folder()) == 0 && mkfifo("fifo", 0600) == 0);
	CHECK_INT(run("read", "fifo", NULL, NULL), 1);
	CHECK_TEXT(said, "Operation not supported\n");
	CHECK_INT(run("read", "/dev/zero", NULL, NULL), 1);
	CHECK_INT(run("read", ".", NULL, NULL), 1);
	CHECK_TEXT(said, "Is a directory\n");
}

static void writes(void)
{
	char part[64 * 1024 + 1];

	memset(part, 'x', sizeof(part) - 1);
	part[sizeof(part) - 1] = '\0';
	give(part, sizeof(part) - 1);
	give_text("end");
	CHECK_INT(run("write", "new", NULL, NULL), 0);
	CHECK_INT(status_of("new").st_size, sizeof(part) + 2);
	CHECK_INT(status_of("new").st_mode & 07777, 0644);
	give_text("");
	CHECK_INT(run("write", "empty", "6755", NULL), 0);
	CHECK_INT(status_of("empty").st_size, 0);
	CHECK_INT(status_of("empty").st_mode & 07777, 06755);
	check_count(2);
}

static void replaces(void)
{
	const char *old = test_file("old", "old", 0600);

	CHECK(chown(old, 12, 34) == 0 && chmod(old, 04751) == 0);
	give_text("new");
	CHECK_INT(run("write", "old", NULL, NULL), 0);
	CHECK_INT(status_of("old").st_mode & 07777, 04751);
	CHECK_INT(status_of("old").st_uid, 12);
	CHECK_INT(status_of("old").st_gid, 34);
	check_content("old", "new");
	give_text("newer");
	CHECK_INT(run("write", "old", "600", NULL), 0);
	CHECK_INT(status_of("old").st_mode & 07777, 0600);
	CHECK_INT(status_of("old").st_uid, 12);
}

static void replaces_what_links_lead_to(void)
{
	test_file("below/file", "old", 0640);
	CHECK(chdir(test_folder()) == 0 && symlink("below/file", "link") == 0 && symlink("none", "dangling") == 0);
	give_text("new");
	CHECK_INT(run("write", "link", NULL, NULL), 0);
	CHECK(S_ISLNK(status_of("link").st_mode));
	CHECK_INT(status_of("below/file").st_mode & 07777, 0640);
	check_content("below/file", "new");
	give_text("new");
	CHECK_INT(run("write", "dangling", NULL, NULL), 0);
	CHECK_INT(status_of("dangling").st_mode, S_IFREG | 0644);
}

static void what_cannot_be_written(void)
{
	static const struct {
		const char *path;
		int code;
		const char *said;
	} ROWS[] = {
		{ "folder/", 1, "Is a directory\n" },
		{ "/", 1, "Is a directory\n" },
		{ "fifo", 1, "Operation not supported\n" },
		{ "file/x", 1, "Not a directory\n" },
		{ "none/", FILES_MISSING, "No such file or directory\n" },
		{ "none/x", FILES_MISSING, "No such file or directory\n" },
	};

	test_file("file", "", 0644);
	CHECK(chdir(test_folder()) == 0 && mkdir("folder", 0755) == 0 && mkfifo("fifo", 0600) == 0);
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
		give_text("x");
		CHECK_INT(run("write", ROWS[i].path, NULL, NULL), ROWS[i].code);
		CHECK_TEXT(said, ROWS[i].said);
	}
	check_count(3);
}

static void inputs_that_break_off(void)
{
	test_file("old", "old", 0644);
	for (int i = 0; i < 3; i++) {
		give("all of it", 9);
		if (i > 0)
			give(i == 1 ? "a part" : "", i == 1 ? 100 : 64 * 1024 + 1);
		CHECK_INT(run("write", "old", NULL, NULL), 1);
		check_content("old", "old");
		check_count(1);
	}
}

static void lists(void)
{
	static const char *const make = "mkdir d && : >f && ln -s none l && mkfifo o && : >\"$(printf 'a\\nb')\" && : >.h";
	static const char *const expected[] = { "dd", "ff", "ll", "oo", "fa\nb", "f.h" };
	size_t length = 0;

	CHECK(chdir(test_folder()) == 0 && system(make) == 0);
	CHECK_INT(run("list", ".", NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		size_t size = strlen(expected[i]) + 1;

		CHECK(memmem(output, output_length, expected[i], size));
		length += size;
	}
	CHECK_INT(output_length, length);
	CHECK_INT(run("list", "d", NULL, NULL), 0);
	CHECK_INT(output_length, 0);
	CHECK_INT(run("list", "f", NULL, NULL), 1);
	CHECK_INT(run("list", "none", NULL, NULL), FILES_MISSING);
}

static void stats(void)
{
	const struct timespec times[] = { { 0 }, { .tv_sec = -2, .tv_nsec = 5 } };
	const char *path = test_file("file", "four", 0);

	CHECK(chown(path, 12, 34) == 0 && chmod(path, 04751) == 0 && utimensat(AT_FDCWD, path, times, 0) == 0);
	CHECK(chdir(test_folder()) == 0 && symlink("file", "link") == 0);
	CHECK_INT(run("stat", "file", NULL, NULL), 0);
	CHECK_TEXT(output, "f 4 4751 12 34 -2 5\n");
	CHECK_INT(run("stat", "-L", "link", NULL), 0);
	CHECK_TEXT(output, "f 4 4751 12 34 -2 5\n");
	CHECK_INT(run("stat", "link", NULL, NULL), 0);
	CHECK(strncmp(output, "l 4 777 ", 8) == 0);
	CHECK_INT(run("stat", "/dev/null", NULL, NULL), 0);
	CHECK(output[0] == 'o');
	CHECK_INT(run("stat", "none", NULL, NULL), FILES_MISSING);
}

static void removes(void)
{
	CHECK(chdir(test_folder()) == 0);
	CHECK_INT(system("mkdir empty full kept && : >full/file && : >kept/file && : >file && ln -s kept link"), 0);
	CHECK_INT(run("remove", "empty", NULL, NULL), 0);
	CHECK_INT(run("remove", "file", NULL, NULL), 0);
	CHECK_INT(run("remove", "-r", "link", NULL), 0);
	check_count(2);
	CHECK_INT(run("remove", "full", NULL, NULL), 1);
	CHECK_TEXT(said, "Directory not empty\n");
	CHECK_INT(run("remove", "none", NULL, NULL), FILES_MISSING);
	CHECK_INT(run("remove", "-r", "none", NULL), FILES_MISSING);
	check_count(2);
}

static void removes_trees(void)
{
	CHECK(chdir(test_folder()) == 0);
	CHECK_INT(system("mkdir -p tree/a/b/c kept && : >kept/file && ln -s ../../kept tree/a/link && : >tree/.h && "
			 "cd tree/a/b && seq 3000 | xargs touch"),
		  0);
	CHECK_INT(run("remove", "-r", "tree", NULL), 0);
	check_count(1);
	CHECK_INT(access("kept/file", F_OK), 0);
}

static void what_is_not_to_be_removed(void)
{
	test_file("folder/mounted/file", "", 0644);
	CHECK_INT(run("remove", "-r", "folder/mounted/..", NULL), 1);
	CHECK_INT(run("remove", "-r", "folder/.", NULL), 1);
	CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK_INT(mount("folder/mounted", "folder/mounted", NULL, MS_BIND, NULL), 0);
	CHECK_INT(run("remove", "-r", "folder", NULL), 1);
	CHECK_TEXT(said, "\"mounted\": Device or resource busy\n");
	CHECK_INT(access("folder/mounted/file", F_OK), 0);
}

static void makes_folders(void)
{
	CHECK_INT(run("mkdir", "one", "1777", NULL), 0);
	CHECK_INT(status_of("one").st_mode & 07777, 01777);
	CHECK_INT(run("mkdir", "one", "755", NULL), 1);
	CHECK_TEXT(said, "File exists\n");
	CHECK_INT(run("mkdir", "none/below", "755", NULL), FILES_MISSING);
	CHECK_INT(run("mkdir", "-p", "none/below", "700"), 0);
	CHECK_INT(status_of("none").st_mode & 07777, 0700);
	CHECK_INT(run("mkdir", "-p", "one", "755"), 0);
	CHECK_INT(status_of("one").st_mode & 07777, 01777);
}

static void file_of_the_setup(void)
{
	struct setup_file file = { .mode = 0640, .content = { (const uint8_t *)"new", 3 } };
	char path[256];

	test_file("folder/target", "old", 0600);
	CHECK(chdir(test_folder()) == 0 && symlink("target", "folder/link") == 0);
	snprintf(path, sizeof(path), "%s/folder/link", test_folder());
	file.path = path;
	CHECK_INT(file_write(&file), 0);
	CHECK_INT(status_of("folder/link").st_mode, S_IFREG | 0640);
	check_content("folder/link", "new");
	check_content("folder/target", "old");
}

static void block_of_the_setup(void)
{
	struct setup_file file = { .mode = FILE_BLOCK, .content = { (const uint8_t *)"new\n", 4 } };
	static const char expected[] = "old\nlater\n\n# smolvm: of this start alone\nnew\n# smolvm: end\n";
	char path[256];

	test_file("folder/target", "old\n\n# smolvm: of this start alone\ngone\n# smolvm: end\nlater\n", 0600);
	CHECK(chdir(test_folder()) == 0 && symlink("target", "folder/link") == 0);
	snprintf(path, sizeof(path), "%s/folder/link", test_folder());
	file.path = path;
	CHECK_INT(file_put_block(&file), 0);
	check_content("folder/target", expected);
	/* A second call leaves only one block. */
	CHECK_INT(file_put_block(&file), 0);
	check_content("folder/target", expected);
	CHECK_INT(status_of("folder/target").st_mode, S_IFREG | 0600);
	/* A block that a crash has truncated is replaced too. */
	test_file("folder/target", "old\n\n# smolvm: of this start alone\ncut", 0600);
	CHECK_INT(file_put_block(&file), 0);
	check_content("folder/target", "old\n\n# smolvm: of this start alone\nnew\n# smolvm: end\n");
	snprintf(path, sizeof(path), "%s/folder/none", test_folder());
	CHECK_INT(file_put_block(&file), 0);
	CHECK(access("folder/none", F_OK) < 0);
	file.mode |= 0640;
	CHECK_INT(file_put_block(&file), 0);
	check_content("folder/none", "\n# smolvm: of this start alone\nnew\n# smolvm: end\n");
	/* Anything but a file is left alone, and does not block. */
	snprintf(path, sizeof(path), "%s/folder", test_folder());
	CHECK_INT(file_put_block(&file), 0);
	CHECK_INT(mkfifo("folder/fifo", 0600), 0);
	snprintf(path, sizeof(path), "%s/folder/fifo", test_folder());
	CHECK_INT(file_put_block(&file), 0);
}

static void usage(void)
{
	CHECK_INT(run("read", NULL, NULL, NULL), 2);
	CHECK_INT(run("read", "x", "644", NULL), 2);
	CHECK_INT(run("mkdir", "x", NULL, NULL), 2);
	CHECK_INT(run("stat", "-L", NULL, NULL), 2);
	CHECK_INT(run("erase", "x", NULL, NULL), 2);
	CHECK(said[0] != '\0');
	check_count(0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "files read prints the contents of a file", reads },
		{ "files read refuses anything but files, and does not block", reads_files_only },
		{ "files write creates a file from its parts", writes },
		{ "files write keeps the owner and the permissions of the file it replaces", replaces },
		{ "files write replaces the target of a link", replaces_what_links_lead_to },
		{ "files write refuses to replace anything but files", what_cannot_be_written },
		{ "files write leaves no files behind when its input is truncated", inputs_that_break_off },
		{ "files list prints kind and name of each file, with any name", lists },
		{ "files stat prints the attributes of a file", stats },
		{ "files remove removes a file, an empty folder, or a link", removes },
		{ "files remove -r removes a folder with its contents, and follows no links", removes_trees },
		{ "files remove -r refuses mount points and paths that end in dots", what_is_not_to_be_removed },
		{ "files mkdir sets the requested permissions", makes_folders },
		{ "file_write() replaces a link, and not its target", file_of_the_setup },
		{ "file_put_block() replaces only its block, follows links, and creates files only if told", block_of_the_setup },
		{ "files refuses invalid arguments", usage },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
