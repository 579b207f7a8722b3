#ifndef SMOLVM_FILE_REMOVE_H
#define SMOLVM_FILE_REMOVE_H

#include "base/step.h"

/*
 * Removes a file, a link or a folder with all that is in it. It follows no link, and leaves alone what is mounted
 * there: -EBUSY. Upon failure the step names the file in the folder that it failed at, or is left as it was.
 */
int file_remove_all(const char *path, struct step *step);

#endif
