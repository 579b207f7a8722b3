/* The mounts of the setup: volumes from the host, and tmpfs. */
#ifndef SMOLVM_VOLUMES_H
#define SMOLVM_VOLUMES_H

#include "base/step.h"
#include "wire/messages.h"

/* Opens the sources as `fds`, one for each mount of the setup, before the root changes: 0 or -errno. */
int volumes_open(const struct setup_message *setup, int *fds, struct step *step);
/* Mounts them at their targets in the new root: 0 or -errno. */
int volumes_attach(const struct setup_message *setup, const int *fds, struct step *step);

#endif
