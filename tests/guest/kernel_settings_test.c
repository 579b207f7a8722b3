#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/kernel_settings.h"
#include "test.h"

static struct step step;

/* The contents of a file in the test's folder. */
static const char *content_of(const char *name)
{
	static char content[64];
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", test_folder(), name);

	FILE *file = fopen(path, "re");

	CHECK(file);
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	return content;
}

static void what_is_there(void)
{
	test_file("kernel/usermodehelper/bset", "4294967295\t511\n", 0600);
	test_file("kernel/usermodehelper/inheritable", "4294967295\t511\n", 0600);
	test_file("kernel/modules_disabled", "0\n", 0600);
	test_file("net/ipv4/ip_unprivileged_port_start", "1024\n", 0600);
	test_file("net/ipv4/ping_group_range", "1\t0\n", 0600);
	CHECK_INT(kernel_settings_apply(test_folder(), &step), 0);
	/* Bit 17 is CAP_SYS_RAWIO, 16 CAP_SYS_MODULE, 21 CAP_SYS_ADMIN, 22 CAP_SYS_BOOT. */
	unsigned low, high;

	CHECK_INT(sscanf(content_of("kernel/usermodehelper/bset"), "%u %u", &low, &high), 2);
	CHECK_INT(low & (1u << 16 | 1u << 17 | 1u << 21 | 1u << 22), 0);
	CHECK_INT(low & 0xff, 0xfb);
	CHECK_INT(high, 0);
	CHECK_TEXT(content_of("kernel/usermodehelper/inheritable"), "0 0");
	CHECK_TEXT(content_of("kernel/modules_disabled"), "1");
	CHECK_TEXT(content_of("net/ipv4/ip_unprivileged_port_start"), "0");
	CHECK_TEXT(content_of("net/ipv4/ping_group_range"), "0 2147483647");
}

static void what_must_be_there(void)
{
	CHECK_INT(kernel_settings_apply(test_folder(), &step), -ENOENT);
	CHECK_TEXT(step.text, "set kernel/usermodehelper/bset");
}

int main(void)
{
	static const struct test tests[] = {
		{ "kernel_settings_apply() sets the settings that the kernel has", what_is_there },
		{ "kernel_settings_apply() fails without the settings that restrict root", what_must_be_there },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
