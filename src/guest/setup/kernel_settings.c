#include "setup/kernel_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct setting {
	const char *name;
	const char *value;
	bool optional; /* a kernel without it has not what it is about, either */
};

static const struct setting SETTINGS[] = {
	/*
	 * Programs that the kernel starts (core_pattern, uevent_helper, modprobe) are root's with all of its capabilities:
	 * docker's default set is left of these, and SYS_PTRACE, which collecting core dumps takes. Can only be lowered.
	 */
	{ "kernel/usermodehelper/bset", "2819368443 0", false },
	{ "kernel/usermodehelper/inheritable", "0 0", false },
	/* Not to be undone before the next boot, either. */
	{ "kernel/modules_disabled", "1", true },
	{ "kernel/kexec_load_disabled", "1", true },
	{ "kernel/unprivileged_bpf_disabled", "1", true },
	/* For users but root, who can undo these. */
	{ "kernel/kptr_restrict", "2", true },
	{ "kernel/dmesg_restrict", "1", true },
	/* libkrunfw's kernel begins with 4096 and takes no more than this, which is where other kernels begin. */
	{ "kernel/pid_max", "32768", true },
	/* As docker has them: an image's user serves port 80, and pings. */
	{ "net/ipv4/ip_unprivileged_port_start", "0", true },
	{ "net/ipv4/ping_group_range", "0 2147483647", true },
};

static int apply(const char *folder, const struct setting *setting)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, setting->name);

	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT && setting->optional ? 0 : -errno;

	int err = write(fd, setting->value, strlen(setting->value)) < 0 ? -errno : 0;

	close(fd);
	return err;
}

int kernel_settings_apply(const char *folder, struct step *step)
{
	for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(*SETTINGS); i++) {
		step_begin(step, "set %s", SETTINGS[i].name);

		int err = apply(folder, &SETTINGS[i]);

		if (err)
			return err;
	}
	return 0;
}
