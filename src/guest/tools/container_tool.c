#include "tools/container_tool.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/program.h"
#include "tools/container_seccomp.h"
#include "tools/container_sysctls.h"
#include "tools/usage.h"
#include "exec/user.h"

extern char **environ;

enum { BOUNDING, EFFECTIVE, INHERITABLE, PERMITTED, AMBIENT, SETS };

struct process {
	struct user user;
	mode_t umask;
	uint64_t capabilities[SETS];
	const char *flags;
	const char *rlimits;
	char *sysctls;
	bool filtered;
	struct seccomp seccomp;
};

/* --- arguments ------------------------------------------------------------------------------------------------- */

/* Parses a list of numbers. Returns their count, or -EINVAL. */
static int parse_numbers(const char *text, int base, uint64_t *numbers, size_t most)
{
	size_t count = 0;
	char *end;

	do {
		if (count == most)
			return -EINVAL;
		numbers[count++] = strtoull(text, &end, base);
		if (end == text)
			return -EINVAL;
		text = end + 1;
	} while (*end == ',');
	return *end ? -EINVAL : (int)count;
}

static int parse(struct process *process, char **argv)
{
	static uint64_t ids[2 + USER_GROUPS_MAX];
	int count = parse_numbers(argv[1], 10, ids, sizeof(ids) / sizeof(*ids));
	char *end;

	if (count < 2 || parse_numbers(argv[3], 16, process->capabilities, SETS) != SETS)
		return -EINVAL;
	process->user.uid = (uid_t)ids[0];
	process->user.gid = (gid_t)ids[1];
	process->user.group_count = (size_t)count - 2;
	for (int i = 2; i < count; i++)
		process->user.groups[i - 2] = (gid_t)ids[i];
	process->umask = (mode_t)strtoul(argv[2], &end, 8);
	process->flags = argv[4];
	process->rlimits = argv[5];
	process->sysctls = argv[6];
	process->filtered = strcmp(argv[7], "-");
	if (process->filtered && seccomp_parse(argv[7], &process->seccomp) < 0)
		return -EINVAL;
	return *end ? -EINVAL : 0;
}

/* --- attributes of the process --------------------------------------------------------------------------------- */

static int set_rlimits(const char *text)
{
	if (!strcmp(text, "-"))
		return 0;
	for (;;) {
		struct rlimit value;
		unsigned long resource, soft, hard;
		int length = 0;

		if (sscanf(text, "%lu:%lu:%lu%n", &resource, &soft, &hard, &length) != 3)
			return -EINVAL;
		value = (struct rlimit){ .rlim_cur = soft, .rlim_max = hard };
		if (setrlimit((__rlimit_resource_t)resource, &value) < 0)
			return -errno;
		text += length;
		if (!*text)
			return 0;
		if (*text++ != ',')
			return -EINVAL;
	}
}

/* The streams belong to root. Without this, the user could not open /dev/stdout. */
static int own_streams(const struct user *user)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat status;

		if (fstat(fd, &status) < 0)
			return -errno;
		if ((S_ISFIFO(status.st_mode) || isatty(fd)) && fchown(fd, user->uid, user->gid) < 0)
			return -errno;
	}
	return 0;
}

static int set_home(uid_t uid)
{
	const struct user_files files = { .passwd = "/etc/passwd", .group = "/etc/group" };
	static struct user user;
	char spec[32], what[64];

	snprintf(spec, sizeof(spec), "%u", uid);

	int err = user_resolve(&user, spec, &files, what, sizeof(what));

	if (err)
		return err;
	return setenv("HOME", user.home, 1) < 0 ? -errno : 0;
}

/* Can only remove capabilities. Those that no command in the guest has are missing already. */
static int limit_bounding(uint64_t kept)
{
	for (int capability = 0; capability < 64; capability++)
		if (!(kept >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	return 0;
}

static int set_capabilities(const uint64_t *sets)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t had = data[i].permitted;

		data[i].permitted = had & (uint32_t)(sets[PERMITTED] >> (32 * i));
		data[i].effective = data[i].permitted & (uint32_t)(sets[EFFECTIVE] >> (32 * i));
		data[i].inheritable = had & (uint32_t)(sets[INHERITABLE] >> (32 * i));
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	for (int capability = 0; capability < 64; capability++)
		if (sets[AMBIENT] >> capability & 1)
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0); /* Fails for those it lacks. */
	return 0;
}

/*
 * Loads the filter in the order of runc: last with no_new_privs, else first, while the process is still root. In the
 * second case the profile must allow the system calls that follow.
 */
static int become(const struct process *process)
{
	const struct user *user = &process->user;
	bool no_new_privileges = strchr(process->flags, 'n');
	int err = process->filtered && !no_new_privileges ? seccomp_apply(&process->seccomp) : 0;

	if (err)
		return err;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(user->group_count, user->groups) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 || setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	err = set_capabilities(process->capabilities);
	if (err || !no_new_privileges)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return process->filtered ? seccomp_apply(&process->seccomp) : 0;
}

static int prepare(const struct process *process)
{
	int err = own_streams(&process->user);

	if (!err)
		err = sysctls_set(process->sysctls);
	if (!err)
		err = set_rlimits(process->rlimits);
	if (!err && strchr(process->flags, 'h'))
		err = set_home(process->user.uid);
	if (!err)
		err = limit_bounding(process->capabilities[BOUNDING]);
	umask(process->umask);
	if (!err)
		err = become(process);
	return err;
}

int container_tool(int argc, char **argv)
{
	static struct process process;
	char what[PATH_MAX + 64];

	if (argc < 9 || parse(&process, argv) < 0)
		return TOOL_USAGE;

	int err = prepare(&process);

	if (err) {
		fprintf(stderr, "smolvm: cannot set up the container's process: %s\n", strerror(-err));
		return PROGRAM_NOT_EXECUTABLE;
	}
	err = program_exec(argv + 8, environ, what, sizeof(what));
	fprintf(stderr, "exec: \"%s\": %s\n", what, strerror(-err));
	return err == -ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_NOT_EXECUTABLE;
}
