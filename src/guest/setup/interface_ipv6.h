/* IPv6 of a guest network interface. */
#ifndef SMOLVM_INTERFACE_IPV6_H
#define SMOLVM_INTERFACE_IPV6_H

#include "wire/messages.h"
#include "base/step.h"

/*
 * Sets the IPv6 address, which is usable at once, and the default route of an interface that is up. Returns 0, also for
 * a kernel without IPv6, or -errno with `step` naming what failed.
 */
int interface_set_up_ipv6(const struct setup_interface *interface, struct step *step);

#endif
