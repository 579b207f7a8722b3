#ifndef SMOLVM_ROOT_COMPLETE_H
#define SMOLVM_ROOT_COMPLETE_H

#include <stdint.h>

#include "base/step.h"

/* Gives the root, by those SETUP_ flags, what programs expect of every system and small images lack: 0 or -errno. */
int root_complete(uint32_t flags, struct step *step);

#endif
