#ifndef SMOLVM_FILE_REMOVE_H
#define SMOLVM_FILE_REMOVE_H

#include "base/step.h"

/*
 * Removes a file, a link, or a folder with its contents. Follows no links, and fails with -EBUSY at a mount point. On
 * failure `step` names the file in the folder that could not be removed, or is unchanged.
 */
int file_remove_all(const char *path, struct step *step);

#endif
