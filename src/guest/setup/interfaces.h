/* The guest's network interfaces. */
#ifndef SMOLVM_INTERFACES_H
#define SMOLVM_INTERFACES_H

#include "wire/messages.h"
#include "base/step.h"

/* Sets an interface's addresses and default routes and brings it up. 0, or -errno with `step` naming what failed. */
int interface_set_up(const struct setup_interface *interface, struct step *step);

#endif
