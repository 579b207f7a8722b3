#include "setup/interface_ipv6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A netlink request, with room for its attributes. */
struct request {
	struct nlmsghdr header;
	union {
		struct ifaddrmsg address;
		struct rtmsg route;
	} about;
	unsigned char attributes[64];
};

static struct request request_of(uint16_t type, size_t about_size)
{
	return (struct request){ .header = {
		.nlmsg_len = NLMSG_LENGTH(about_size),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
	} };
}

static void add_attribute(struct request *request, uint16_t type, const void *value, size_t size)
{
	struct rtattr attribute = { .rta_len = RTA_LENGTH(size), .rta_type = type };
	unsigned char *place = (unsigned char *)request + NLMSG_ALIGN(request->header.nlmsg_len);

	memcpy(place, &attribute, sizeof(attribute));
	memcpy(place + RTA_LENGTH(0), value, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute.rta_len);
}

/* Sends a request and reads the kernel's answer: 0 or -errno. */
static int ask(int fd, const struct request *request)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		unsigned char request[sizeof(*request)]; /* comes back with an error */
	} answer;

	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;

	ssize_t size = recv(fd, &answer, sizeof(answer), 0);

	if (size < 0)
		return -errno;
	if ((size_t)size < NLMSG_LENGTH(sizeof(answer.error)) || answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

static int add_address(int fd, unsigned index, const struct setup_interface *interface)
{
	struct request request = request_of(RTM_NEWADDR, sizeof(request.about.address));

	/* IFA_F_NODAD: no other host is on the link, and duplicate address detection would take a second. */
	request.about.address = (struct ifaddrmsg){
		.ifa_family = AF_INET6, .ifa_prefixlen = (uint8_t)interface->prefix6, .ifa_flags = IFA_F_NODAD, .ifa_index = index,
	};
	add_attribute(&request, IFA_ADDRESS, &interface->address6, sizeof(interface->address6));
	return ask(fd, &request);
}

static int add_default_route(int fd, unsigned index, const struct setup_interface *interface)
{
	struct request request = request_of(RTM_NEWROUTE, sizeof(request.about.route));

	request.about.route = (struct rtmsg){
		.rtm_family = AF_INET6, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST,
	};
	add_attribute(&request, RTA_GATEWAY, &interface->gateway6, sizeof(interface->gateway6));
	add_attribute(&request, RTA_OIF, &index, sizeof(index));
	return ask(fd, &request);
}

int interface_set_up_ipv6(const struct setup_interface *interface, struct step *step)
{
	unsigned index = if_nametoindex(interface->name);

	step_begin(step, "set the IPv6 address of %s", interface->name);
	if (index == 0)
		return -errno;

	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;

	int err = add_address(fd, index, interface);

	if (!err) {
		step_begin(step, "set the default route of IPv6 by %s", interface->name);
		err = add_default_route(fd, index, interface);
	}
	close(fd);
	/* The kernel has no IPv6, or IPv6 is disabled on this interface. */
	return err == -EOPNOTSUPP || err == -EACCES ? 0 : err;
}
