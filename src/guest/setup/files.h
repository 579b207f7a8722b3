#ifndef SMOLVM_FILES_H
#define SMOLVM_FILES_H

#include "wire/messages.h"

/* Writes a file of the setup, in place of whatever has its path, except a folder. */
int file_write(const struct setup_file *file);

#endif
