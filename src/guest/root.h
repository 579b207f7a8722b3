/* The guest's root filesystem. */
#ifndef SMOLVM_ROOT_H
#define SMOLVM_ROOT_H

#include <stdbool.h>

#include "step.h"

/* Mounts `rootfs`, a path in the boot folder, on /root; with `disk` writes go to /dev/vda, and *disk is an fd of it. */
int root_mount(const char *rootfs, int *disk, struct step *step);
/* Makes /root the root of this process and of its children. */
int root_enter(struct step *step);

#endif
