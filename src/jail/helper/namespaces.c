#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
/* linux/mount.h and linux/landlock.h of newer kernels. */
#define RECURSIVE 0x8000
#define LANDLOCK_SCOPES_ABI 6
#define LANDLOCK_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS 3

/* The most files of shares that a guest may cache: libkrun holds a descriptor for each. */
#define MOST_FILES (1UL << 20)

/*
 * The variables that the runner and the gateway need. The others may hold secrets of the user, which a runner that its
 * guest has taken over must not see.
 */
static const char *const PASSED_ON[] = {
	"DENO_DIR=", "DENO_NO_UPDATE_CHECK=", "HOME=",           "NO_COLOR=",        "PATH=",
	"SMOLVM_",   "XDG_CACHE_HOME=",       "XDG_CONFIG_HOME=", "XDG_RUNTIME_DIR=", "XDG_STATE_HOME=",
};

extern char **environ;

/* --- ids ------------------------------------------------------------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;
	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = errno;
	close(fd);
	return error;
}

/* Builds a map of all ids that exist in this process's namespace to themselves. */
static int identity_map(const char *own, char *map, size_t size)
{
	unsigned long inside, outside, count;
	size_t at = 0;
	FILE *file = fopen(own, "re");
	if (!file)
		return errno;
	while (at < size && fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3)
		at += snprintf(map + at, size - at, "%lu %lu %lu\n", inside, inside, count);
	fclose(file);
	return at > 0 && at < size ? 0 : EINVAL;
}

static int write_id_map(pid_t child, const char *kind, unsigned id)
{
	char path[64], own[64], map[4096];
	snprintf(path, sizeof path, "/proc/%d/%s_map", child, kind);
	snprintf(own, sizeof own, "/proc/self/%s_map", kind);
	if (geteuid() != 0)
		snprintf(map, sizeof map, "0 %u 1\n", id);
	int error = geteuid() == 0 ? identity_map(own, map, sizeof map) : 0;
	return error ? error : write_file(path, map);
}

void write_id_maps(pid_t child, int ask_fd, int answer_fd)
{
	char asked, path[64];
	int error = 0;
	/* Without a request, the child has ended or needs no maps. */
	if (read(ask_fd, &asked, 1) == 1) {
		snprintf(path, sizeof path, "/proc/%d/setgroups", child);
		if (geteuid() != 0)
			error = write_file(path, "deny");
		if (!error)
			error = write_id_map(child, "uid", geteuid());
		if (!error)
			error = write_id_map(child, "gid", getegid());
		if (write(answer_fd, &error, sizeof error) < 0)
			error = errno; /* The child is gone; the parent notices when it waits for it. */
	}
	close(ask_fd);
	close(answer_fd);
}

/* --- the child --------------------------------------------------------------------------------------------------- */

static void make_namespaces(const struct options *options, int ask_fd, int answer_fd)
{
	bool user = !options->unjailed || geteuid() != 0;
	int flags = CLONE_NEWNS | (user ? CLONE_NEWUSER : 0), error = 0;
	if (!options->unjailed)
		flags |= CLONE_NEWIPC | CLONE_NEWUTS | (options->host_network ? 0 : CLONE_NEWNET);
	if (unshare(flags))
		fail("making namespaces", errno);
	if (user) {
		if (write(ask_fd, "", 1) != 1 || read(answer_fd, &error, sizeof error) != sizeof error)
			fail("asking for a map of user ids", EPIPE);
		if (error)
			fail("mapping user ids", error);
	}
	/* AppArmor lets any user create a user namespace, but may deny all rights in it. Then this mount() fails. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail("making its mounts private", errno);
}

/* Deno executes code from its cache: a runner that its guest has taken over must not write there. */
static void protect_cache(void)
{
	const char *deno = getenv("DENO_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[4096];
	int size = 0;
	if (deno && *deno)
		size = snprintf(path, sizeof path, "%s", deno);
	else if (xdg && *xdg == '/')
		size = snprintf(path, sizeof path, "%s/deno", xdg);
	else
		size = snprintf(path, sizeof path, "%s/.cache/deno", home ? home : "");
	if (size >= (int)sizeof path)
		fail("protecting Deno's cache", ENAMETOOLONG);
	if (mount(path, path, NULL, MS_BIND | MS_REC, NULL)) {
		if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
			return; /* There is no cache, and Deno cannot create one: otherwise the client's Deno would have. */
		fail("protecting Deno's cache", errno);
	}
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	if (syscall(SYS_mount_setattr, AT_FDCWD, path, RECURSIVE, &read_only, sizeof read_only))
		fail("protecting Deno's cache", errno);
}

/*
 * With Landlock scopes (Linux 6.12), the process cannot send signals or connect to abstract sockets outside the jail.
 * On older kernels the namespaces and the seccomp filter prevent that, except for abstract sockets with --host-network.
 */
static void scope(void)
{
#ifdef SYS_landlock_create_ruleset
	struct {
		uint64_t handled_access_fs, handled_access_net, scoped;
	} attributes = {.scoped = LANDLOCK_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS};
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < LANDLOCK_SCOPES_ABI)
		return;
	int rules = syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
	if (rules < 0 || syscall(SYS_landlock_restrict_self, rules, 0))
		fail("scoping signals and sockets", errno);
	close(rules);
#endif
}

static void set_limits(void)
{
	/* No core dump: the host would write the guest's memory to it. */
	struct rlimit none = {0, 0}, files;
	setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < MOST_FILES) {
		struct rlimit more = {MOST_FILES, MOST_FILES};
		setrlimit(RLIMIT_NOFILE, &more); /* Works only for root. Others keep their limit. */
	}
}

/*
 * libkrun creates files as the guest's user, but without the user's supplementary groups. In a folder of such a group
 * the host would deny what the guest's kernel has granted. So a thread that changes its user keeps its capabilities.
 */
static void keep_rights_of_threads(const struct options *options)
{
	/* With --unjailed there may be no new user namespace, and so no right to do this. */
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) && !options->unjailed)
		fail("keeping rights", errno);
}

static bool is_passed_on(const char *variable)
{
	for (size_t i = 0; i < sizeof PASSED_ON / sizeof *PASSED_ON; i++)
		if (!strncmp(variable, PASSED_ON[i], strlen(PASSED_ON[i])))
			return true;
	return false;
}

void clean_environment(void)
{
	char **to = environ;
	for (char **from = environ; *from; from++)
		if (is_passed_on(*from))
			*to++ = *from;
	*to = NULL;
}

void start_command(const struct options *options, int ask_fd, int answer_fd)
{
	pid_t parent = getppid();
	set_limits();
	make_namespaces(options, ask_fd, answer_fd);
	keep_rights_of_threads(options);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail("giving up new privileges", errno);
	if (!options->unjailed) {
		/* A file's capabilities would hold on the host too, since root's map is the identity. */
		if (prctl(PR_CAPBSET_DROP, CAP_SETFCAP, 0, 0, 0))
			fail("giving up capabilities of files", errno);
		protect_cache();
		scope();
		clean_environment();
	}
	/* Close descriptors that the starter left open by mistake. */
	if (syscall(SYS_close_range, MESSAGES_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC_FLAG))
		fail("closing inherited files", errno);
	/* Die with the parent, which removes the runner's files. Last, because creating a user namespace resets it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		exit(JAIL_FAILED);
	execvp(options->command[0], options->command);
	fail(options->command[0], errno);
}
