/* The guest's root filesystem. */
#ifndef SMOLVM_ROOT_H
#define SMOLVM_ROOT_H

#include <stdint.h>

#include "base/step.h"

/* Mounts the machine's disk, /dev/vda, and returns an fd of its root folder; -ENOENT when the machine has no disk. */
int root_prepare(struct step *step);
/* Mounts `rootfs`, a path in the boot folder, on /root. With SETUP_OVERLAY writes go to the disk, which is mounted. */
int root_mount(const char *rootfs, uint32_t setup_flags, struct step *step);
/* Makes /root the root of this process and of its children. */
int root_enter(struct step *step);

#endif
