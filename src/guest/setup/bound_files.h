/*
 * The machine's own files, such as /etc/hosts, where a volume hides them: bound over what the volume has there, so that
 * the host's folder stays as it is.
 */
#ifndef SMOLVM_BOUND_FILES_H
#define SMOLVM_BOUND_FILES_H

#include "wire/messages.h"
#include "base/step.h"

/* Takes hold of the files, which are written, before volumes are attached: fills `fds`. 0 or -errno. */
int bound_files_open(const struct setup_file *files, uint32_t count, int *fds, struct step *step);
/* Once volumes are attached: binds those that are hidden, and closes `fds`. 0 or -errno. */
int bound_files_show(const struct setup_file *files, uint32_t count, const int *fds, struct step *step);
/* Takes from volumes what was made there to bind on. */
void bound_files_remove(void);

#endif
