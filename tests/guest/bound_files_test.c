#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/bound_files.h"
#include "test.h"

static struct step step;
static char etc[256];

static char *path_of(const char *name)
{
	char *path;

	CHECK(asprintf(&path, "%s/%s", etc, name) > 0);
	return path;
}

static const char *content_of(const char *name)
{
	static char content[64];
	FILE *file = fopen(path_of(name), "re");

	CHECK(file);
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	return content;
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "we");

	CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Creates the machine's files in a folder, opens them as `fds`, and then hides the folder with a volume. */
static uint32_t hide(struct setup_file *files, int *fds)
{
	static const char *const names[] = { "hosts", "hostname", "resolv.conf", "folder" };

	CHECK_INT(unshare(CLONE_NEWNS), 0);
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	snprintf(etc, sizeof(etc), "%s", test_folder());
	for (uint32_t i = 0; i < 4; i++) {
		files[i].path = path_of(names[i]);
		write_text(names[i], "machine");
	}
	CHECK_INT(bound_files_open(files, 4, fds, &step), 0);
	CHECK_INT(mount("volume", etc, "tmpfs", 0, NULL), 0);
	write_text("hosts", "volume");
	CHECK_INT(symlink("../nowhere", path_of("resolv.conf")), 0);
	CHECK_INT(mkdir(path_of("folder"), 0755), 0);
	return 4;
}

static void over_a_volume(void)
{
	struct setup_file files[4] = { 0 };
	struct stat status;
	int fds[4];
	uint32_t count = hide(files, fds);

	CHECK_INT(bound_files_bind(files, count, fds, &step), 0);
	CHECK_TEXT(content_of("hosts"), "machine");
	CHECK_TEXT(content_of("hostname"), "machine");
	CHECK_TEXT(content_of("resolv.conf"), "machine");
	CHECK(stat(files[3].path, &status) == 0 && S_ISDIR(status.st_mode));
	write_text("hosts", "written");
	bound_files_remove();
	CHECK(access(files[1].path, F_OK) < 0 && errno == ENOENT);
	CHECK_INT(umount(files[0].path), 0);
	CHECK_TEXT(content_of("hosts"), "volume");
	CHECK_INT(umount2(files[2].path, UMOUNT_NOFOLLOW), 0);
	CHECK(lstat(files[2].path, &status) == 0 && S_ISLNK(status.st_mode));
	CHECK_INT(umount(etc), 0);
	CHECK_TEXT(content_of("hosts"), "written");
}

static void over_a_volume_that_is_read_only(void)
{
	struct setup_file files[4] = { 0 };
	int fds[4];
	uint32_t count = hide(files, fds);

	CHECK_INT(mount(NULL, etc, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	CHECK_INT(bound_files_bind(files, count, fds, &step), 0);
	CHECK_TEXT(content_of("hosts"), "machine");
	CHECK(access(files[1].path, F_OK) < 0 && errno == ENOENT);
	bound_files_remove();
	CHECK_INT(umount2(etc, MNT_DETACH), 0);
}

static void over_nothing(void)
{
	struct setup_file files[4] = { 0 };
	int fds[4];
	uint32_t count = hide(files, fds);

	CHECK_INT(umount(etc), 0);
	CHECK_INT(bound_files_bind(files, count, fds, &step), 0);
	CHECK(umount(files[0].path) < 0 && errno == EINVAL);
	CHECK_TEXT(content_of("hosts"), "machine");
}

int main(void)
{
	/* qemu-user does not support the call. */
	if (getenv("EMULATED") && open_tree(AT_FDCWD, "/", OPEN_TREE_CLOEXEC) < 0 && errno == ENOSYS) {
		printf("skipped: no open_tree where programs are emulated\n0 passed, 0 failed\n");
		return 0;
	}

	static const struct test tests[] = {
		{ "bound_files_bind() covers a volume's files and links, and does not change them", over_a_volume },
		{ "bound_files_bind() skips files that a read-only volume lacks", over_a_volume_that_is_read_only },
		{ "bound_files_bind() does not bind files that are not hidden", over_nothing },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
