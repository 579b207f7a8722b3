#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "setup/privileges.h"
#include "test.h"

#define BIT(capability) (1ull << (capability))

/* One of the sets of /proc/self/status, such as "CapBnd". */
static uint64_t set_of(const char *name)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t set = 0;

	CHECK(status);
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, name, strlen(name)))
			set = strtoull(line + strlen(name) + 1, NULL, 16);
	fclose(status);
	return set;
}

static void check_lack(uint64_t lack, uint64_t before)
{
	CHECK_INT(set_of("CapBnd"), before & ~lack);
	CHECK_INT(set_of("CapPrm") & lack, 0);
	CHECK_INT(set_of("CapEff") & lack, 0);
	CHECK_INT(set_of("CapInh") & lack, 0);
	CHECK_INT(set_of("CapAmb") & lack, 0);
}

static void the_agent(void)
{
	uint64_t lack = BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_MODULE) | BIT(CAP_MAC_ADMIN) | BIT(CAP_MAC_OVERRIDE);
	uint64_t before = set_of("CapBnd");

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		printf("skipped: no seccomp where programs are emulated\n");
		return;
	}
	CHECK_INT(privileges_restrict_agent(), 0);
	check_lack(lack, before);
}

static void a_command(void)
{
	uint64_t lack = BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_MODULE) | BIT(CAP_MAC_ADMIN) | BIT(CAP_MAC_OVERRIDE) |
			BIT(CAP_SYS_BOOT);
	uint64_t before = set_of("CapBnd");

	CHECK_INT(privileges_restrict_command(), 0);
	check_lack(lack, before);
	CHECK_INT(privileges_restrict_command(), 0);
}

static void serial_ports(void)
{
	int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char serial[256] = { 0 }; /* larger than a serial_struct */
	struct winsize size;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		printf("skipped: no seccomp where programs are emulated\n");
		return;
	}
	CHECK(terminal >= 0);
	CHECK(ioctl(terminal, TIOCSSERIAL, serial) < 0 && errno != EPERM);
	CHECK_INT(privileges_restrict_agent(), 0);
	CHECK(ioctl(terminal, TIOCSSERIAL, serial) < 0 && errno == EPERM);
	/* The kernel uses only the lower 32 bits. */
	CHECK(syscall(SYS_ioctl, terminal, TIOCSSERIAL | 1ul << 32, serial) < 0 && errno == EPERM);
	CHECK_INT(ioctl(terminal, TIOCGWINSZ, &size), 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "privileges_restrict_agent() drops capabilities that reach the hardware from all sets", the_agent },
		{ "privileges_restrict_command() also drops CAP_SYS_BOOT", a_command },
		{ "privileges_restrict_agent() forbids moving serial ports", serial_ports },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
