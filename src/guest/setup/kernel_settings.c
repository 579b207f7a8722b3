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
	bool optional; /* a kernel without the setting also lacks the feature */
};

static const struct setting SETTINGS[] = {
	/*
	 * Programs that the kernel starts (core_pattern, uevent_helper, modprobe) run as root with all capabilities.
	 * Limit them to docker's default set plus SYS_PTRACE, which core dump collectors need. It can only be lowered.
	 */
	{ "kernel/usermodehelper/bset", "2819368443 0", false },
	{ "kernel/usermodehelper/inheritable", "0 0", false },
	/* These cannot be undone before the next boot either. */
	{ "kernel/modules_disabled", "1", true },
	{ "kernel/kexec_load_disabled", "1", true },
	{ "kernel/unprivileged_bpf_disabled", "1", true },
	/* These restrict users other than root. root can undo them. */
	{ "kernel/kptr_restrict", "2", true },
	{ "kernel/dmesg_restrict", "1", true },
	/* libkrunfw's kernel defaults to 4096 and allows at most 32768, the default of other kernels. */
	{ "kernel/pid_max", "32768", true },
	/* docker's values: an image's user can listen on port 80, and ping. */
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
