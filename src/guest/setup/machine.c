#include "setup/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setup/bound_files.h"
#include "setup/clock.h"
#include "setup/file_block.h"
#include "setup/files.h"
#include "setup/inode_cache.h"
#include "setup/interfaces.h"
#include "setup/kernel_settings.h"
#include "setup/mounts.h"
#include "setup/page_cache.h"
#include "setup/plain_folders.h"
#include "setup/privileges.h"
#include "setup/read_ahead.h"
#include "setup/root.h"
#include "setup/root_complete.h"
#include "setup/volumes.h"

/* Mounts of the boot folder that are moved to the new root, with their submounts. */
static const char *const SYSTEM_MOUNTS[] = { "/dev", "/proc", "/sys" };
#define SYSTEM_MOUNT_COUNT (sizeof(SYSTEM_MOUNTS) / sizeof(*SYSTEM_MOUNTS))

/* libkrun's own ioctl on a file of its share. */
#define VIRTIOFS_SET_EXIT_CODE 0x7602
#define EXIT_CODE_MARK 0x100 /* as in src/jail/filter.ts; not part of an exit status, which has 8 bits */

static int disk = -1; /* the root folder of the machine's disk, if it has one */
static bool disk_is_kept;

/* Runs before any program of the image, while the agent still has the capabilities that the settings need. */
static int protect_machine(struct step *step)
{
	/* root could create them again, but not open them: that needs CAP_SYS_RAWIO. */
	static const char *const memory[] = { "/dev/mem", "/dev/kmem", "/dev/port" };
	int err = kernel_settings_apply("/proc/sys", step);

	for (size_t i = 0; !err && i < sizeof(memory) / sizeof(*memory); i++) {
		step_begin(step, "remove %s", memory[i]);
		if (unlink(memory[i]) < 0 && errno != ENOENT)
			err = -errno;
	}
	if (err)
		return err;
	step_begin(step, "restrict root");
	return privileges_restrict_agent();
}

static int set_identity(const struct setup_message *setup, struct step *step)
{
	step_begin(step, "set the clock");

	int err = clock_set(setup->clock_ns);

	if (err)
		return err;
	step_begin(step, "set the host name to %s", setup->hostname);
	return sethostname(setup->hostname, strlen(setup->hostname)) < 0 ? -errno : 0;
}

/* Changes the root to the image's root filesystem, and moves the system's mounts there. */
static int change_root(const struct setup_message *setup, struct step *step)
{
	char rootfs[PATH_MAX];
	int system_mounts[SYSTEM_MOUNT_COUNT];

	step_begin(step, "open the root filesystem %s", setup->rootfs);

	int err = mount_source(setup->rootfs, 0, rootfs, sizeof(rootfs));

	disk_is_kept = !(setup->flags & SETUP_EPHEMERAL);
	if (!err)
		err = root_mount(rootfs, setup->flags, step);
	for (size_t i = 0; !err && i < SYSTEM_MOUNT_COUNT; i++) {
		step_begin(step, "open %s", SYSTEM_MOUNTS[i]);
		system_mounts[i] = mount_take(SYSTEM_MOUNTS[i]);
		if (system_mounts[i] < 0)
			err = system_mounts[i];
	}
	if (!err)
		err = root_enter(step);
	for (size_t i = 0; !err && i < SYSTEM_MOUNT_COUNT; i++) {
		step_begin(step, "mount %s", SYSTEM_MOUNTS[i]);
		err = mount_attach(system_mounts[i], SYSTEM_MOUNTS[i]);
	}
	return err;
}

static int write_files(const struct setup_message *setup, struct step *step)
{
	for (uint32_t i = 0; i < setup->file_count; i++) {
		step_begin(step, "write %s", setup->files[i].path);

		const struct setup_file *file = &setup->files[i];
		int err = file->mode & FILE_BLOCK ? file_put_block(file) : file_write(file);

		if (err)
			return err;
	}
	return 0;
}

static int set_up_network(const struct setup_message *setup, struct step *step)
{
	for (uint32_t i = 0; i < setup->interface_count; i++) {
		int err = interface_set_up(&setup->interfaces[i], step);

		if (err)
			return err;
	}
	return 0;
}

int machine_prepare(struct step *step)
{
	int err = protect_machine(step);

	if (err)
		return err;
	read_ahead_raise("/sys", "/");
	disk = root_prepare(step);
	return disk < 0 && disk != -ENOENT ? disk : 0;
}

int machine_setup(const struct setup_message *setup, struct step *step)
{
	/* Their fds are not closed when a step fails: the machine ends then. */
	int *volumes = calloc((size_t)setup->mount_count + 1, sizeof(*volumes));
	int *files = calloc((size_t)setup->file_count + 1, sizeof(*files));
	int err = volumes && files ? 0 : -ENOMEM;

	inode_cache_limit("/proc/sys", setup->share_files);
	page_cache_watch("/proc");
	if (!err)
		err = set_identity(setup, step);
	if (!err)
		err = set_up_network(setup, step);
	if (!err) {
		step_begin(step, "make the mounts private");
		err = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
	}
	if (!err)
		err = volumes_open(setup, volumes, step);
	if (!err)
		err = change_root(setup, step);
	if (!err)
		err = root_complete(setup->flags, step);
	if (!err && disk >= 0)
		err = plain_folders_bind(disk, "", step);
	if (!err)
		err = write_files(setup, step);
	if (!err)
		err = bound_files_open(setup->files, setup->file_count, files, step);
	if (!err)
		err = volumes_attach(setup, volumes, step);
	if (!err)
		err = bound_files_bind(setup->files, setup->file_count, files, step);
	free(volumes);
	free(files);
	return err;
}

int machine_mount_proc(void)
{
	if (umount2("/proc", MNT_DETACH) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}

int machine_bind_console(int fd)
{
	char terminal[32];

	snprintf(terminal, sizeof(terminal), "/proc/self/fd/%d", fd);
	return mount(terminal, "/dev/console", NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

void machine_follow_clock(uint64_t clock_ns, bool jumped)
{
	int err = clock_follow(clock_ns, jumped);

	if (err)
		fprintf(stderr, "smolvm-agent: cannot set the clock: %s\n", strerror(-err));
}

static int boot_root = -1;

void machine_open_exit_code(void)
{
	boot_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void machine_report_exit(int wait_status)
{
	int code = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);

	/* Marked, because libkrun exits with 0 when the kernel panics. The host may not run libkrun's file share. */
	if (boot_root >= 0 && ioctl(boot_root, VIRTIOFS_SET_EXIT_CODE, code | EXIT_CODE_MARK) < 0)
		errno = 0;
}

void machine_kill_all(void)
{
	kill(-1, SIGKILL);
}

void machine_sync(void)
{
	bound_files_remove();
	/* Syncs volumes, and all other file systems that the guest has mounted. */
	sync();
	/* A read-only remount leaves the disk clean. After sync() alone, the next boot must replay the journal. */
	if (disk >= 0 && disk_is_kept && (fchdir(disk) < 0 || mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0))
		perror("smolvm-agent: cannot remount the disk read-only");
}
