#ifndef SMOLVM_TAR_EXTRACT_H
#define SMOLVM_TAR_EXTRACT_H

#include <stdbool.h>

#include "base/step.h"

struct extract_options {
	/*
	 * Where to: a folder, or with a name also what is not there yet, in a folder that is, or a file to be replaced.
	 */
	const char *destination;
	/*
	 * What the archive's first entry, ".", becomes in a folder that is there, and all others become with it; "." for
	 * nothing but what is in it. NULL: an archive of any entries.
	 */
	const char *name;
	/* Files belong to whom the archive says; else to this process's user. */
	bool keep_owner;
};

/*
 * Makes the files of the archive that is read from `in`. No entry can leave the destination, be it by its name or by
 * links that are there: -EXDEV, or -ENOTDIR or -ELOOP for a link. A file comes to its name when it is complete; a file
 * or link that was there is replaced, a folder is left as it is, and one is never exchanged for the other: -EISDIR,
 * -ENOTDIR. Devices are left out and told of on standard error. Upon failure the step is the entry, or empty for the
 * destination itself.
 */
int tar_extract(int in, const struct extract_options *options, struct step *step);

#endif
