#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "setup/plain_folders.h"
#include "test.h"

static struct step step;
static char disk_path[256], root[256];

static const char *in(const char *folder, const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Creates a disk and a root on different file systems, with the folder `lib` in the root. Returns the disk's fd. */
static int make_machine(const char *lib)
{
	CHECK_INT(unshare(CLONE_NEWNS), 0);
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	snprintf(disk_path, sizeof(disk_path), "%s/disk", test_folder());
	snprintf(root, sizeof(root), "%s/root", test_folder());
	CHECK(mkdir(disk_path, 0755) == 0 && mkdir(root, 0755) == 0);
	CHECK_INT(mount("disk", disk_path, "tmpfs", 0, NULL), 0);
	CHECK_INT(mount("root", root, "tmpfs", 0, NULL), 0);
	CHECK_INT(folders_make(in(root, lib), 0755), 0);

	int disk = open(disk_path, O_RDONLY | O_DIRECTORY);

	CHECK(disk >= 0);
	return disk;
}

static bool is_on_disk(const char *path)
{
	struct stat there, disk;

	CHECK(stat(in(root, path), &there) == 0 && stat(disk_path, &disk) == 0);
	return there.st_dev == disk.st_dev;
}

static void bound(void)
{
	int disk = make_machine("var/lib/containers/sigstore");
	struct stat status;

	CHECK(chmod(in(root, "var/lib/containers/sigstore"), 01750) == 0);
	CHECK_INT(plain_folders_bind(disk, root, &step), 0);
	CHECK(is_on_disk("var/lib/docker") && is_on_disk("var/lib/containerd") && is_on_disk("var/lib/containers"));
	CHECK(stat(in(root, "var/lib/containers/sigstore"), &status) == 0);
	CHECK_INT(status.st_mode & 07777, 01750);
	CHECK(mkdir(in(root, "var/lib/docker/kept"), 0755) == 0);
	/* At the machine's next start. */
	CHECK_INT(umount2(in(root, "var/lib/docker"), 0), 0);
	CHECK(access(in(root, "var/lib/docker/kept"), F_OK) < 0);
	CHECK_INT(plain_folders_bind(disk, root, &step), 0);
	CHECK(access(in(root, "var/lib/docker/kept"), F_OK) == 0);
	close(disk);
}

static void left_alone(void)
{
	int disk = make_machine("var/lib/docker/a/b");

	CHECK(symlink("/elsewhere", in(root, "var/lib/containers")) == 0);
	CHECK(mknod(in(root, "var/lib/containerd"), S_IFREG | 0644, 0) == 0);
	CHECK_INT(plain_folders_bind(disk, root, &step), 0);
	CHECK(access(in(root, "var/lib/docker/a/b"), F_OK) == 0 && !is_on_disk("var/lib/docker"));
	CHECK(!is_on_disk("var/lib/containerd"));
	close(disk);
}

static void without_lib(void)
{
	int disk = make_machine("var");

	CHECK_INT(plain_folders_bind(disk, root, &step), 0);
	CHECK(access(in(root, "var/lib"), F_OK) < 0 && errno == ENOENT);
	close(disk);
}

int main(void)
{
	static const struct test tests[] = {
		{ "plain_folders_bind() binds folders of the disk, which keep their files", bound },
		{ "plain_folders_bind() does not hide files of the image", left_alone },
		{ "plain_folders_bind() does nothing in an image without /var/lib", without_lib },
	};

	if (getenv("EMULATED") && open_tree(AT_FDCWD, "/", OPEN_TREE_CLOEXEC) < 0 && errno == ENOSYS) {
		printf("skipped: no open_tree where programs are emulated\n0 passed, 0 failed\n");
		return 0;
	}
	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
