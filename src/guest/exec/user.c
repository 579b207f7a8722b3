#include "exec/user.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -EINVAL unless `text` is a decimal id. (uint32_t)-1 is not an id: the kernel takes it as "unchanged". */
static int parse_id(const char *text, uint32_t *id)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value >= UINT32_MAX)
			return -EINVAL;
	}
	*id = (uint32_t)value;
	return 0;
}

/* Whether an entry matches `wanted`. Digits are always an id, never a name. */
static bool is_wanted(const char *wanted, const char *name, uint32_t id)
{
	uint32_t number;

	if (strspn(wanted, "0123456789") < strlen(wanted))
		return !strcmp(name, wanted);
	return !parse_id(wanted, &number) && number == id;
}

/* Splits a line at its colons; missing fields are "". */
static void split(char *line, char **fields, size_t count)
{
	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < count; i++) {
		fields[i] = line;
		line += strcspn(line, ":");
		if (*line)
			*line++ = '\0';
	}
}

static int open_list(FILE **file, const char *path)
{
	*file = fopen(path, "re");
	return *file || errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

/* Returns 1 when found, with the entry's name in `name` (the caller frees it). */
static int find_user(struct user *user, const char *wanted, const char *path, char **name)
{
	FILE *file;
	int err = open_list(&file, path);

	if (err || !file)
		return err;

	char *line = NULL;
	size_t size = 0;

	while (err == 0 && getline(&line, &size, file) >= 0) {
		char *fields[7]; /* name, password, uid, gid, comment, home, shell */
		uint32_t uid, gid;

		split(line, fields, 7);
		if (parse_id(fields[2], &uid) || parse_id(fields[3], &gid) || !is_wanted(wanted, fields[0], uid))
			continue;
		user->uid = uid;
		user->gid = gid;
		if (fields[5][0] && snprintf(user->home, sizeof(user->home), "%s", fields[5]) >= PATH_MAX)
			err = -ENAMETOOLONG;
		else
			err = (*name = strdup(fields[0])) ? 1 : -ENOMEM;
	}
	free(line);
	fclose(file);
	return err;
}

/* Whether `name` is in the comma-separated `members`. */
static bool is_member(const char *members, const char *name)
{
	size_t length = strlen(name);

	for (;;) {
		size_t span = strcspn(members, ",");

		if (span == length && !memcmp(members, name, length))
			return true;
		members += span;
		if (!*members++)
			return false;
	}
}

/* Collects the groups that have `member`. With member NULL it looks for the group `wanted` and returns 1 when found. */
static int read_groups(struct user *user, const char *wanted, const char *member, const char *path)
{
	FILE *file;
	int err = open_list(&file, path);

	if (err || !file)
		return err;

	char *line = NULL;
	size_t size = 0;

	while (err == 0 && getline(&line, &size, file) >= 0) {
		char *fields[4]; /* name, password, gid, members */
		uint32_t gid;

		split(line, fields, 4);
		if (parse_id(fields[2], &gid))
			continue;
		if (!member) {
			if (is_wanted(wanted, fields[0], gid)) {
				user->gid = gid;
				err = 1;
			}
		} else if (is_member(fields[3], member)) {
			if (user->group_count == USER_GROUPS_MAX)
				err = -E2BIG;
			else
				user->groups[user->group_count++] = gid;
		}
	}
	free(line);
	fclose(file);
	return err;
}

static int resolve_group(struct user *user, const char *group, const char *path)
{
	int err = read_groups(user, group, NULL, path);

	if (err < 0)
		return err;
	if (err > 0 || !parse_id(group, &user->gid))
		return 0;
	return -ENOENT;
}

int user_resolve(struct user *user, const char *spec, const struct user_files *files, char *what, size_t what_size)
{
	size_t length = strcspn(spec, ":");
	const char *group = spec[length] ? spec + length + 1 : "";
	char *name = NULL;
	int err;

	memset(user, 0, sizeof(*user));
	strcpy(user->home, "/");

	char *wanted = length > 0 ? strndup(spec, length) : strdup("0");

	if (!wanted)
		return -ENOMEM;
	snprintf(what, what_size, "user %s", wanted);
	err = find_user(user, wanted, files->passwd, &name);
	if (err == 0)
		err = parse_id(wanted, &user->uid) ? -ENOENT : 0;
	if (err >= 0 && *group) {
		snprintf(what, what_size, "group %s", group);
		err = resolve_group(user, group, files->group);
	} else if (err >= 0 && name) {
		snprintf(what, what_size, "groups of user %s", name);
		err = read_groups(user, NULL, name, files->group);
	}
	free(wanted);
	free(name);
	return err < 0 ? err : 0;
}
