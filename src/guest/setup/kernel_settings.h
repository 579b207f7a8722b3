/* The settings of the guest's kernel that differ from its defaults. */
#ifndef SMOLVM_KERNEL_SETTINGS_H
#define SMOLVM_KERNEL_SETTINGS_H

#include "base/step.h"

/* Writes them below `folder` ("/proc/sys"): 0, or -errno with `step` naming the one that failed. */
int kernel_settings_apply(const char *folder, struct step *step);

#endif
