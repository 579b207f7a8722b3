#ifndef SMOLVM_ROOT_COMPLETE_H
#define SMOLVM_ROOT_COMPLETE_H

#include <stdint.h>

#include "base/step.h"

/* Adds files and mounts that programs expect and small images lack, according to the SETUP_ flags: 0 or -errno. */
int root_complete(uint32_t flags, struct step *step);

#endif
