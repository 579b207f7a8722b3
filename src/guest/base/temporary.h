/* Files that get their final name once they are complete. Until then they have a temporary name, or none. */
#ifndef SMOLVM_TEMPORARY_H
#define SMOLVM_TEMPORARY_H

#define TEMPORARY_MAX 32 /* size of a name, NUL included */

/* Makes up a unique name. */
int temporary_name(char name[TEMPORARY_MAX]);
/*
 * Creates a file in `folder` for writing. Where the file system supports O_TMPFILE, it has no name until
 * temporary_link(), so that it disappears even after a SIGKILL.
 */
int temporary_open(int folder, const char *name);
/* Gives a file from temporary_open() its name, unless it already has it. */
int temporary_link(int fd, int folder, const char *name);
/* Renames the file `name` to `place`, or removes it if that fails. */
int temporary_move(int folder, const char *name, const char *place);

#endif
