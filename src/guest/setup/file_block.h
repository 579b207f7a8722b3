#ifndef SMOLVM_FILE_BLOCK_H
#define SMOLVM_FILE_BLOCK_H

#include "wire/messages.h"

/*
 * Appends the content of a setup file to the existing file, between two marker lines. It replaces the block that an
 * earlier call appended. Skips anything but a regular file, and files too large to be a certificate bundle.
 */
int file_put_block(const struct setup_file *file);

#endif
