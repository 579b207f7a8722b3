#ifndef SMOLVM_TAR_TOOL_H
#define SMOLVM_TAR_TOOL_H

#define TAR_INCOMPLETE 3 /* exit code when some files could not be read; the archive has all others */

/*
 * The tool `tar`. Archives are on standard input and output:
 *   tar create [-L] PATH NAME             see tar_create()
 *   tar extract [-a] DESTINATION [NAME]   see tar_extract()
 * When it fails, its last line on standard error has the reason, without the path argument. Earlier lines are warnings.
 */
int tar_tool(int argc, char **argv);

#endif
