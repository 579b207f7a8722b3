#include "setup/interfaces.h"

#include "setup/interface_ipv6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void set_address(struct sockaddr *place, uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };

	memcpy(place, &in, sizeof(in));
}

static int control(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

static int set_up(int fd, const struct setup_interface *interface, struct step *step)
{
	struct ifreq request = { .ifr_mtu = (int)interface->mtu };
	uint32_t mask = interface->prefix ? UINT32_MAX << (32 - interface->prefix) : 0;
	int err;

	strcpy(request.ifr_name, interface->name);
	step_begin(step, "set the MTU of %s to %u", interface->name, interface->mtu);
	err = control(fd, SIOCSIFMTU, &request);
	if (err)
		return err;
	step_begin(step, "set the address of %s", interface->name);
	set_address(&request.ifr_addr, interface->address);
	err = control(fd, SIOCSIFADDR, &request);
	if (err)
		return err;
	set_address(&request.ifr_netmask, mask);
	err = control(fd, SIOCSIFNETMASK, &request);
	if (err)
		return err;
	step_begin(step, "bring %s up", interface->name);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	return control(fd, SIOCSIFFLAGS, &request);
}

static int add_default_route(int fd, const struct setup_interface *interface, struct step *step)
{
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };

	step_begin(step, "set the default route by %s", interface->name);
	set_address(&route.rt_dst, INADDR_ANY);
	set_address(&route.rt_genmask, INADDR_ANY);
	set_address(&route.rt_gateway, interface->gateway);
	return control(fd, SIOCADDRT, &route);
}

int interface_set_up(const struct setup_interface *interface, struct step *step)
{
	step_begin(step, "find the interface %s", interface->name);
	if (strlen(interface->name) >= IFNAMSIZ)
		return -ENAMETOOLONG;

	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;

	int err = set_up(fd, interface, step);

	if (!err && interface->gateway)
		err = add_default_route(fd, interface, step);
	close(fd);
	return err || !interface->prefix6 ? err : interface_set_up_ipv6(interface, step);
}
