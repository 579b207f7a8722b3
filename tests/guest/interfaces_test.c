#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "setup/interfaces.h"
#include "test.h"

static struct step step;
static const struct setup_interface ETH0 = {
	.name = "eth0", .address = 0xc0a87f02, .prefix = 24, .gateway = 0xc0a87f01, .mtu = 9000,
	.address6.s6_addr = { 0xfd, 0x73, [15] = 2 }, .prefix6 = 64, .gateway6.s6_addr = { 0xfd, 0x73, [15] = 1 },
};

/* Creates a tap device in a new network namespace. It exists while the descriptor is open. */
static int make_tap(void)
{
	struct ifreq request = { .ifr_name = "eth0", .ifr_flags = IFF_TAP | IFF_NO_PI };

	if (unshare(CLONE_NEWNET) < 0)
		return -1;

	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct ifreq asked(unsigned long what)
{
	struct ifreq request = { .ifr_name = "eth0" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_INT(ioctl(fd, what, &request), 0);
	close(fd);
	return request;
}

static uint32_t address_of(const struct sockaddr *address)
{
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	return ntohl(in.sin_addr.s_addr);
}

static void address_and_route(void)
{
	int tap = make_tap();

	if (tap < 0) {
		printf("skipped: no tap can be made here\n");
		return;
	}
	CHECK_INT(interface_set_up(&ETH0, &step), 0);

	struct ifreq address = asked(SIOCGIFADDR), mask = asked(SIOCGIFNETMASK);

	CHECK_INT(address_of(&address.ifr_addr), 0xc0a87f02);
	CHECK_INT(address_of(&mask.ifr_netmask), 0xffffff00);
	CHECK_INT(asked(SIOCGIFMTU).ifr_mtu, 9000);
	CHECK(asked(SIOCGIFFLAGS).ifr_flags & IFF_UP);

	unsigned destination, gateway;
	FILE *routes = fopen("/proc/thread-self/net/route", "re");

	CHECK(routes);
	CHECK_INT(fscanf(routes, "%*[^\n] %*s %X %X", &destination, &gateway), 2);
	fclose(routes);
	CHECK_INT(destination, 0);
	CHECK_INT(ntohl(gateway), 0xc0a87f01);
	close(tap);
}

/* Whether a line of a file of this network namespace has all of these words, in this order. */
static bool has_line(const char *path, const char *first, const char *second, const char *third)
{
	char line[512];
	bool found = false;
	FILE *file = fopen(path, "re");

	CHECK(file);
	while (!found && fgets(line, sizeof(line), file)) {
		char *at = strstr(line, first);

		at = at ? strstr(at, second) : NULL;
		found = at && strstr(at, third);
	}
	fclose(file);
	return found;
}

static void address_and_route_of_ipv6(void)
{
	int tap = make_tap();

	if (tap < 0 || access("/proc/thread-self/net/if_inet6", F_OK) < 0) {
		printf("skipped: no tap can be made here, or the kernel has no IPv6\n");
		return;
	}
	CHECK_INT(interface_set_up(&ETH0, &step), 0);
	/* A prefix of 64 bits (0x40), global scope (0x00), permanent (0x80) and without address detection (0x02). */
	CHECK(has_line("/proc/thread-self/net/if_inet6", "fd730000000000000000000000000002", " 40 00 82 ", "eth0"));
	CHECK(has_line("/proc/thread-self/net/ipv6_route", "00000000000000000000000000000000 00 ",
		"fd730000000000000000000000000001", "eth0"));

	/* The address can be used at once. */
	struct sockaddr_in6 own = { .sin6_family = AF_INET6, .sin6_addr = ETH0.address6 };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_INT(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	close(fd);
	close(tap);
}

static void without_ipv6(void)
{
	int tap = make_tap();

	if (tap < 0) {
		printf("skipped: no tap can be made here\n");
		return;
	}
	/* The setting of this network namespace. */
	int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		CHECK_INT(write(fd, "1", 1), 1);
		close(fd);
	}
	CHECK_INT(interface_set_up(&ETH0, &step), 0);
	close(tap);
}

static void what_failed(void)
{
	struct setup_interface interface = ETH0;

	interface.name = "eth7";
	CHECK_INT(interface_set_up(&interface, &step), -ENODEV);
	CHECK_TEXT(step.text, "set the MTU of eth7 to 9000");
	interface.name = "a-name-that-no-interface-has";
	CHECK_INT(interface_set_up(&interface, &step), -ENAMETOOLONG);
}

int main(void)
{
	static const struct test tests[] = {
		{ "interface_set_up() sets the address, the MTU and the default route", address_and_route },
		{ "interface_set_up() sets the IPv6 address and the default route", address_and_route_of_ipv6 },
		{ "interface_set_up() does without IPv6 where the kernel has none", without_ipv6 },
		{ "interface_set_up() reports the step that failed", what_failed },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
