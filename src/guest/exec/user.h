/* The user of a command, from the image's /etc/passwd and /etc/group, read without NSS because the agent is static. */
#ifndef SMOLVM_USER_H
#define SMOLVM_USER_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#define USER_GROUPS_MAX 1024

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* supplementary */
	size_t group_count;
	char home[PATH_MAX]; /* "/" when passwd has none */
};

/* The paths of the two files. */
struct user_files {
	const char *passwd;
	const char *group;
};

/*
 * Resolves `spec`: "" (root), "name" or "uid", each with an optional ":group" or ":gid". As in docker, a number needs
 * no entry, and an explicit group replaces the supplementary groups. Digits are always an id, even if a user has that
 * name. -ENOENT: there is no such user or group; `what` then names it. A missing file counts as empty.
 */
int user_resolve(struct user *user, const char *spec, const struct user_files *files, char *what, size_t what_size);

#endif
