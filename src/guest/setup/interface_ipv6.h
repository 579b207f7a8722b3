/* What an interface of the guest's has of IPv6. */
#ifndef SMOLVM_INTERFACE_IPV6_H
#define SMOLVM_INTERFACE_IPV6_H

#include "wire/messages.h"
#include "base/step.h"

/*
 * Gives an interface that is up its IPv6 address, which is good at once, and the default route. 0, also of a kernel
 * without IPv6, or -errno with `step` naming what failed.
 */
int interface_set_up_ipv6(const struct setup_interface *interface, struct step *step);

#endif
