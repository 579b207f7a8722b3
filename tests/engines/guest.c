/*
 * guest PID: runs the guest's agent without a VM, in new namespaces inside those of the container with the process
 * PID. The runtime's process in the container takes it for its VM: the guest has the folders that the container shares
 * with a VM, and the real agent runs the commands. Only the kernel is the host's.
 *
 * It exits with the container, because it is in the container's PID namespace. With other arguments, it runs the
 * agent's tools.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/agent.h"
#include "setup/clock.h"
#include "setup/inode_cache.h"
#include "setup/interfaces.h"
#include "setup/kernel_settings.h"
#include "setup/machine.h"
#include "tools/tool.h"

#define SOCKET "/vm/run/agent.sock"
#define BOOT_FOLDER "/vm/boot"
#define POLL_US 10000

/* --- Stubs for the agent's changes to the kernel, which is the host's here --------------------------------------- */

int kernel_settings_apply(const char *folder, struct step *step)
{
	(void)folder, (void)step;
	return 0;
}

int clock_set(uint64_t clock_ns)
{
	(void)clock_ns;
	return 0;
}

int clock_follow(uint64_t clock_ns, bool jumped)
{
	(void)clock_ns, (void)jumped;
	return 0;
}

void inode_cache_limit(const char *settings, uint32_t share_files)
{
	(void)settings, (void)share_files;
}

int inode_cache_check(void)
{
	return -1;
}

/* This guest has no gateway. */
int interface_set_up(const struct setup_interface *interface, struct step *step)
{
	(void)interface, (void)step;
	return 0;
}

/* The real one would sync all disks of the host. */
void sync(void)
{
}

/* --- Enters the container ---------------------------------------------------------------------------------------- */

static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "guest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int dial(int pid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char process[32];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(fd, "socket");
	snprintf(process, sizeof(process), "/proc/%d", pid);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/%d/root" SOCKET, pid);
	/* Wait until the container is started and its process listens, or until the process is gone. */
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (access(process, F_OK) < 0)
			exit(0);
		usleep(POLL_US);
	}
	return fd;
}

static void join(int pid, const char *namespace)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, namespace);

	int fd = open(path, O_RDONLY | O_CLOEXEC);

	check(fd, path);
	check(setns(fd, 0), path);
	close(fd);
}

/* Joins the container's freezer: `pause` must stop this guest as it stops a VM. */
static void join_freezer(int pid)
{
	char path[64], line[4096], file[4200];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);

	FILE *groups = fopen(path, "re");

	while (groups && fgets(line, sizeof(line), groups)) {
		char *group = strstr(line, ":freezer:");

		if (!group)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(file, sizeof(file), "/sys/fs/cgroup/freezer%s/cgroup.procs", group + strlen(":freezer:"));

		FILE *members = fopen(file, "we");

		if (members) {
			fprintf(members, "%d\n", getpid());
			fclose(members);
		}
	}
	if (groups)
		fclose(groups);
}

/* Forks and exits with the child: only children are in a joined or new PID namespace. */
static void become_child(void)
{
	int status;
	pid_t child = fork();

	check(child, "fork");
	if (child == 0)
		return;
	check(waitpid(child, &status, 0), "wait");
	_exit(0);
}

/* --- The work of libkrun's init ---------------------------------------------------------------------------------- */

static void add_device(const char *path, mode_t mode, unsigned int major, unsigned int minor)
{
	check(mknod(path, S_IFCHR | mode, makedev(major, minor)), path);
	check(chmod(path, mode), path);
}

static void mount_system(void)
{
	check(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount /proc");
	/* Settings that the stubs above do not catch must not reach the host's kernel. */
	check(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL), "bind /proc/sys");
	check(mount(NULL, "/proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "protect /proc/sys");
	check(mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL), "mount /sys");
	check(mount("devtmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755"), "mount /dev");
	add_device("/dev/null", 0666, 1, 3);
	add_device("/dev/zero", 0666, 1, 5);
	add_device("/dev/full", 0666, 1, 7);
	add_device("/dev/random", 0666, 1, 8);
	add_device("/dev/urandom", 0666, 1, 9);
	add_device("/dev/tty", 0666, 5, 0);
	check(mknod("/dev/console", S_IFREG | 0600, 0), "make /dev/console");
	check(mkdir("/dev/pts", 0755), "make /dev/pts");
	check(mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5"),
	      "mount /dev/pts");
}

static void enter_boot_folder(void)
{
	struct mount_attr plain = { .attr_clr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make the mounts private");
	check(mount(BOOT_FOLDER, BOOT_FOLDER, NULL, MS_BIND | MS_REC, NULL), "bind the boot folder");
	/* Flags of the host's mount do not apply in a guest: a libkrun share is a file system of its own. */
	check(mount_setattr(AT_FDCWD, BOOT_FOLDER, AT_RECURSIVE, &plain, sizeof(plain)), "mount_setattr");
	check(chdir(BOOT_FOLDER), "enter the boot folder");
	check(mount(".", "/", NULL, MS_MOVE, NULL), "move the boot folder");
	check(chroot("."), "chroot");
	check(chdir("/"), "chdir");
}

int main(int argc, char **argv)
{
	if (argc != 2 || !strcmp(argv[0], "/proc/self/exe"))
		return tool_main(argc, argv);

	int pid = atoi(argv[1]);
	int fd = dial(pid);

	umask(022);
	join_freezer(pid);
	join(pid, "pid");
	join(pid, "mnt");
	become_child();
	/* The guest's changes to its namespaces must not affect the container. */
	check(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET), "unshare");
	become_child();
	setsid();
	enter_boot_folder();
	mount_system();
	agent_run(fd);
	machine_kill_all();
	machine_sync();
	return 0;
}
