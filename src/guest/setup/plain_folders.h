/*
 * Where programs keep containers: the root is an overlay, which cannot be the upper layer of another one, so that docker
 * and podman would copy whole images. Folders of the machine's disk itself, plain ext4, are bound there.
 */
#ifndef SMOLVM_PLAIN_FOLDERS_H
#define SMOLVM_PLAIN_FOLDERS_H

#include "base/step.h"

/*
 * Binds the folders of `disk`, the root folder of the machine's disk, below /var/lib of `root`, if there is one. A folder
 * of the image that holds more than empty folders stays as it is. 0 or -errno.
 */
int plain_folders_show(int disk, const char *root, struct step *step);

#endif
