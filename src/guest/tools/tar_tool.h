#ifndef SMOLVM_TAR_TOOL_H
#define SMOLVM_TAR_TOOL_H

#define TAR_INCOMPLETE 3 /* exit code when some files could not be read: the archive has all others */

/*
 * The tool `tar`, with archives on standard input and output:
 *   tar create [-L] PATH NAME             see tar_create()
 *   tar extract [-a] DESTINATION [NAME]   see tar_extract()
 * Its last line on standard error says why it failed, without the path that it was given; those before it warn.
 */
int tar_tool(int argc, char **argv);

#endif
