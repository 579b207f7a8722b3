/*
 * The folders where docker and podman keep containers. The root is an overlay, which cannot be the upper layer of
 * another overlay, so docker and podman would copy whole images. Therefore folders of the machine's disk (plain ext4)
 * are bound there.
 */
#ifndef SMOLVM_PLAIN_FOLDERS_H
#define SMOLVM_PLAIN_FOLDERS_H

#include "base/step.h"

/*
 * Binds folders of `disk`, the root folder of the machine's disk, below /var/lib of `root`, if that exists. Skips a
 * folder of the image that contains anything but empty folders. 0 or -errno.
 */
int plain_folders_bind(int disk, const char *root, struct step *step);

#endif
