/* Mounts of the setup: volumes of the host's, and folders in memory. */
#ifndef SMOLVM_VOLUMES_H
#define SMOLVM_VOLUMES_H

#include "base/step.h"
#include "wire/messages.h"

/* Fills `fds`, one a mount of the setup, before the root changes: 0 or -errno. */
int volumes_open(const struct setup_message *setup, int *fds, struct step *step);
/* Mounts them at their targets in the new root: 0 or -errno. */
int volumes_attach(const struct setup_message *setup, const int *fds, struct step *step);

#endif
