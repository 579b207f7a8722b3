#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "exec/user.h"

static const char PASSWD[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken line\n"
			     "noid:x:abc:1::/x:\n"
			     "huge:x:4294967295:1::/x:\n"
			     "app:x:1000:1000:App:/home/app:/bin/sh\n"
			     "homeless:x:1001:5::\n"
			     "last:x:1002:1002::/last:";
static const char GROUP[] = "root:x:0:\n"
			    "wheel:x:10:root,app\n"
			    "apps:x:11:application,app\n"
			    "not:x:12:application,apple\n"
			    "bad:x::app\n"
			    "app:x:1000:\n";

static char what[128];

static int resolve_with(struct user *user, const char *spec, const char *passwd, const char *group)
{
	char passwd_path[256], group_path[256];

	snprintf(passwd_path, sizeof(passwd_path), "%s", test_file("passwd", passwd, 0644));
	snprintf(group_path, sizeof(group_path), "%s", test_file("group", group, 0644));
	return user_resolve(user, spec, &(struct user_files){ passwd_path, group_path }, what, sizeof(what));
}

static struct user resolve(const char *spec)
{
	struct user user;
	int err = resolve_with(&user, spec, PASSWD, GROUP);

	if (err)
		test_fail(__FILE__, __LINE__, "\"%s\" gives %d (%s)", spec, err, what);
	return user;
}

static void nothing_is_root(void)
{
	struct user user = resolve("");

	CHECK_INT(user.uid, 0);
	CHECK_INT(user.gid, 0);
	CHECK_TEXT(user.home, "/root");
	CHECK_INT(user.group_count, 1);
	CHECK_INT(user.groups[0], 10);
}

static void a_name(void)
{
	struct user user = resolve("app");

	CHECK_INT(user.uid, 1000);
	CHECK_INT(user.gid, 1000);
	CHECK_TEXT(user.home, "/home/app");
	CHECK_INT(user.group_count, 2);
	CHECK_INT(user.groups[0], 10);
	CHECK_INT(user.groups[1], 11);
}

static void a_uid_that_passwd_has(void)
{
	struct user user = resolve("1000");

	CHECK_INT(user.uid, 1000);
	CHECK_INT(user.gid, 1000);
	CHECK_TEXT(user.home, "/home/app");
	CHECK_INT(user.group_count, 2);
}

static void a_uid_that_nobody_has(void)
{
	struct user user = resolve("4242");

	CHECK_INT(user.uid, 4242);
	CHECK_INT(user.gid, 0);
	CHECK_TEXT(user.home, "/");
	CHECK_INT(user.group_count, 0);
	CHECK_INT(resolve("4294967294").uid, 4294967294);
}

static void a_group_replaces_the_others(void)
{
	struct user user = resolve("app:wheel");

	CHECK_INT(user.uid, 1000);
	CHECK_INT(user.gid, 10);
	CHECK_INT(user.group_count, 0);
	CHECK_INT(resolve("app:11").gid, 11);
	CHECK_INT(resolve("4242:4343").gid, 4343);
	CHECK_INT(resolve(":wheel").uid, 0);
	CHECK_INT(resolve("app:").gid, 1000);
}

static void digits_are_ids(void)
{
	static const char passwd[] = "1500:x:0:0::/evil:\n"
				     "99999999999:x:0:0::/evil:\n"
				     "named:x:1501:1502::/named:\n"
				     "1501:x:0:0::/evil:\n";
	static const char group[] = "1500:x:0:\n"
				    "99999999999:x:0:\n"
				    "evil:x:3:1500,1501\n"
				    "named:x:1502:\n";
	struct user user;

	CHECK_INT(resolve_with(&user, "1500:1500", passwd, group), 0);
	CHECK_INT(user.uid, 1500);
	CHECK_INT(user.gid, 1500);
	CHECK_TEXT(user.home, "/");
	CHECK_INT(resolve_with(&user, "1500", passwd, group), 0);
	CHECK_INT(user.group_count, 0);
	CHECK_INT(resolve_with(&user, "1501", passwd, group), 0);
	CHECK_INT(user.uid, 1501);
	CHECK_INT(user.gid, 1502);
	CHECK_TEXT(user.home, "/named");
	CHECK_INT(user.group_count, 0);
	CHECK_INT(resolve_with(&user, "99999999999", passwd, group), -ENOENT);
	CHECK_INT(resolve_with(&user, "named:99999999999", passwd, group), -ENOENT);
}

static void an_entry_without_home(void)
{
	CHECK_TEXT(resolve("homeless").home, "/");
	CHECK_TEXT(resolve("last").home, "/last");
}

static void what_is_not_there(void)
{
	static const char *const cases[][2] = {
		{ "nobody", "user nobody" },     { "app:nogroup", "group nogroup" }, { "noid", "user noid" },
		{ "huge", "user huge" },         { "-1", "user -1" },                { "4294967295", "user 4294967295" },
		{ "0x10", "user 0x10" },         { "app:-1", "group -1" },           { "99999999999", "user 99999999999" },
		{ "broken line", "user broken line" },
	};
	struct user user;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK_INT(resolve_with(&user, cases[i][0], PASSWD, GROUP), -ENOENT);
		CHECK_TEXT(what, cases[i][1]);
	}
}

static void no_files(void)
{
	const struct user_files none = { "/nonexistent/passwd", "/nonexistent/group" };
	struct user user;

	CHECK_INT(user_resolve(&user, "", &none, what, sizeof(what)), 0);
	CHECK_INT(user.uid, 0);
	CHECK_TEXT(user.home, "/");
	CHECK_INT(user_resolve(&user, "7:8", &none, what, sizeof(what)), 0);
	CHECK_INT(user.gid, 8);
	CHECK_INT(user_resolve(&user, "root", &none, what, sizeof(what)), -ENOENT);
}

static void too_many_groups(void)
{
	char *group = malloc((USER_GROUPS_MAX + 1) * 32);
	size_t length = 0;
	struct user user;

	for (int i = 0; i <= USER_GROUPS_MAX; i++)
		length += (size_t)sprintf(group + length, "g%d:x:%d:app\n", i, i + 1);
	CHECK_INT(resolve_with(&user, "app", PASSWD, group), -E2BIG);
	free(group);
}

int main(void)
{
	static const struct test tests[] = {
		{ "user_resolve() resolves an empty spec to root", nothing_is_root },
		{ "user_resolve() finds a name and its groups", a_name },
		{ "user_resolve() finds a uid and its groups", a_uid_that_passwd_has },
		{ "user_resolve() needs no entry for a uid", a_uid_that_nobody_has },
		{ "user_resolve() lets an explicit group replace the supplementary ones", a_group_replaces_the_others },
		{ "user_resolve() treats digits as ids, even if a user has that name", digits_are_ids },
		{ "user_resolve() sets the home to / for an entry without a home", an_entry_without_home },
		{ "user_resolve() names the missing user or group", what_is_not_there },
		{ "user_resolve() works without files", no_files },
		{ "user_resolve() refuses more than USER_GROUPS_MAX groups", too_many_groups },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
