/* Files that come to their name when they are complete, and have one of their own until then. */
#ifndef SMOLVM_TEMPORARY_H
#define SMOLVM_TEMPORARY_H

#define TEMPORARY_MAX 32 /* of a name, with its NUL */

/* Makes up a name that no file has. */
int temporary_name(char name[TEMPORARY_MAX]);
/*
 * Opens a new file of `folder` for writing. Where it can do without its name until temporary_link() it does: nothing
 * is left of it then even after a SIGKILL.
 */
int temporary_open(int folder, const char *name);
/* Gives a file of temporary_open() its name, unless it has it. */
int temporary_link(int fd, int folder, const char *name);
/* Moves what has that name to its place, or removes it. */
int temporary_move(int folder, const char *name, const char *place);

#endif
