/* Whom a command runs as: the image's own /etc/passwd and /etc/group, read without NSS (the agent is static). */
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
	char home[PATH_MAX]; /* "/" when passwd knows none */
};

/* Where the two files are. */
struct user_files {
	const char *passwd;
	const char *group;
};

/*
 * Resolves `spec`: "" (root), "name", "uid", each with an optional ":group" or ":gid". As with docker, a number needs
 * no entry, and a group that is given takes the place of the supplementary groups. Digits are always an id, also where
 * somebody is called that. -ENOENT: no such user, or no such
 * group; `what` then names it. A missing file counts as empty.
 */
int user_resolve(struct user *user, const char *spec, const struct user_files *files, char *what, size_t what_size);

#endif
