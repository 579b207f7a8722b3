#ifndef SMOLVM_FILES_TOOL_H
#define SMOLVM_FILES_TOOL_H

#define FILES_MISSING 3 /* exit code for a file or folder that is not there */

/*
 * The tool `files`, which does one thing to one path; permissions are octal numbers:
 *   files list PATH              prints each file of a folder as its kind and its name, with a NUL behind it
 *   files mkdir [-p] PATH MODE   -p: see folders_make()
 *   files read PATH              writes what is in a file to standard output
 *   files remove [-r] PATH       -r: see file_remove_all()
 *   files stat [-L] PATH         prints `KIND SIZE MODE UID GID SECONDS NANOSECONDS`, the last two of its modification;
 *                                -L: of what a link leads to
 *   files write PATH [MODE]      makes a file of standard input: see file_replace()
 * Kinds are `f`, `d`, `l` for a symlink, and `o` for what can be neither read nor written here: devices, pipes, sockets.
 * Its last line on standard error says why it failed, without the path that it was given.
 */
int files_tool(int argc, char **argv);

#endif
