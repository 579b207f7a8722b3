#ifndef SMOLVM_FILES_H
#define SMOLVM_FILES_H

#include "wire/messages.h"

/* Writes a file of the setup. Replaces anything at its path except a folder. */
int file_write(const struct setup_file *file);

#endif
