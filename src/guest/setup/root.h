/* The guest's root filesystem. */
#ifndef SMOLVM_ROOT_H
#define SMOLVM_ROOT_H

#include <stdint.h>

#include "base/step.h"

/* Mounts `rootfs`, a path in the boot folder, on /root; with SETUP_OVERLAY writes go to /dev/vda, and *disk is an fd of it. */
int root_mount(const char *rootfs, uint32_t setup_flags, int *disk, struct step *step);
/* Makes /root the root of this process and of its children. */
int root_enter(struct step *step);

#endif
