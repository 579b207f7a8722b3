/*
 * The machine's own files, such as /etc/hosts, in places where a volume hides them. They are bind-mounted over the
 * volume's files, so that the host's folder is not changed.
 */
#ifndef SMOLVM_BOUND_FILES_H
#define SMOLVM_BOUND_FILES_H

#include "wire/messages.h"
#include "base/step.h"

/* Call this before volumes are attached: opens the files, which must exist, as `fds`. 0 or -errno. */
int bound_files_open(const struct setup_file *files, uint32_t count, int *fds, struct step *step);
/* Call this after volumes are attached: binds the hidden files, and closes `fds`. 0 or -errno. */
int bound_files_bind(const struct setup_file *files, uint32_t count, const int *fds, struct step *step);
/* Removes the empty files that were created in volumes to bind on. */
void bound_files_remove(void);

#endif
