#ifndef SMOLVM_FILES_TOOL_H
#define SMOLVM_FILES_TOOL_H

#define FILES_MISSING 3 /* exit code when a file or folder does not exist */

/*
 * The tool `files` performs one action on one path. Permissions are octal numbers.
 *   files list PATH              prints the files of a folder: for each its kind, its name and a NUL
 *   files mkdir [-p] PATH MODE   -p: see folders_make()
 *   files read PATH              writes the contents of a file to standard output
 *   files remove [-r] PATH       -r: see file_remove_all()
 *   files stat [-L] PATH         prints `KIND SIZE MODE UID GID SECONDS NANOSECONDS`, the last two of its modification;
 *                                -L: follows a link
 *   files write PATH [MODE]      writes standard input to a file: see file_replace()
 * Kinds are `f`, `d`, `l` for a symlink, and `o` for devices, pipes and sockets, which this tool can neither read nor
 * write. When it fails, its last line on standard error has the reason, without PATH.
 */
int files_tool(int argc, char **argv);

#endif
