#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* linux/mount.h and linux/fcntl.h of newer kernels. */
#define TREE_CLONE 1
#define TREE_CLOEXEC O_CLOEXEC
#define TREE_RECURSIVE 0x8000
#define MOVE_FROM_EMPTY_PATH 4
#define EMPTY_PATH 0x1000

#define FOLDERS_MAX 256

/*
 * Mounts folders of the host in the tree of a runner that is already jailed and cannot mount anything itself. A child
 * process enters the runner's user namespace, where it has all rights, while elsewhere it only has those of its user.
 * It makes a private copy of this process's mounts, mounts the folders below an empty file system there, and then
 * attaches that file system in the runner's mount namespace. So all folders appear at once, with their restrictions.
 */

/* A detached copy of the mounts at the path. */
static int copy_mounts(const char *path)
{
	int tree = syscall(SYS_open_tree, AT_FDCWD, path, TREE_CLONE | TREE_CLOEXEC | TREE_RECURSIVE);

	if (tree < 0)
		fail(path, errno);
	return tree;
}

static void attach(int tree, const char *path)
{
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_FROM_EMPTY_PATH))
		fail(path, errno);
}

static int open_namespace(pid_t pid, const char *kind)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);

	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail(path, errno);
	return fd;
}

/* A copy of the folder with its submounts, as libc.ts makes it for a runner that is not jailed yet. */
static int copy_folder(const char *mode, const char *source)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	int tree = copy_mounts(source);

	if (strcmp(mode, "rw"))
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (syscall(SYS_mount_setattr, tree, "", EMPTY_PATH | TREE_RECURSIVE, &attr, sizeof attr))
		fail(source, errno);
	return tree;
}

static void attach_below(const char *at, const char *name, int tree)
{
	char target[4096];

	if (snprintf(target, sizeof target, "%s/%s", at, name) >= (int)sizeof target)
		fail(at, ENAMETOOLONG);
	if (mkdir(target, 0755))
		fail(target, errno);
	attach(tree, target);
}

static void bind_all(pid_t pid, const char *at)
{
	const char *modes[FOLDERS_MAX], *sources[FOLDERS_MAX];
	int user = open_namespace(pid, "user"), mounts = open_namespace(pid, "mnt");
	size_t count = order_pairs('b', modes, sources, FOLDERS_MAX);
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	char target[4096], name[16] = "rootfs";
	int trees[FOLDERS_MAX];

	if (count == FOLDERS_MAX)
		fail("too many volumes", E2BIG);
	if (setns(user, CLONE_NEWUSER))
		fail("entering the user namespace", errno);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail("making its mounts private", errno);
	/* Copy all folders first: one of them may contain `at`. */
	for (size_t i = 0; i < count; i++)
		trees[i] = copy_folder(modes[i], sources[i]);
	if (mount("tmpfs", at, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755"))
		fail(at, errno);
	for (size_t i = 0; i < count; i++) {
		attach_below(at, name, trees[i]);
		snprintf(name, sizeof name, "v%zu", i);
	}
	if (syscall(SYS_mount_setattr, AT_FDCWD, at, 0, &read_only, sizeof read_only))
		fail(at, errno);

	int tree = copy_mounts(at);

	if (setns(mounts, CLONE_NEWNS))
		fail("entering the mount namespace", errno);
	if (snprintf(target, sizeof target, "%s/s", at) >= (int)sizeof target)
		fail(at, ENAMETOOLONG);
	attach(tree, target);
}

bool bind_folders(pid_t pid, int errors_fd)
{
	const char *at = order_argument('s');
	int status;
	pid_t child = at ? fork() : -1;

	if (child == 0) {
		dup2(errors_fd, 2);
		bind_all(pid, at);
		_exit(0);
	}
	if (child < 0)
		return false;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return status == 0;
}
