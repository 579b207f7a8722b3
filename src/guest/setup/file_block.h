#ifndef SMOLVM_FILE_BLOCK_H
#define SMOLVM_FILE_BLOCK_H

#include "wire/messages.h"

/*
 * Puts the content of a file of the setup at the end of the file that is there, between two lines that mark it, in place
 * of what it put there before. Leaves alone what is no file, and a file too large to be one of certificates.
 */
int file_put_block(const struct setup_file *file);

#endif
