#ifndef SMOLVM_TAR_EXTRACT_H
#define SMOLVM_TAR_EXTRACT_H

#include <stdbool.h>

#include "base/step.h"

struct extract_options {
	/*
	 * A folder. With a name also a path that does not exist yet in an existing folder, or a file to replace.
	 */
	const char *destination;
	/*
	 * The new name of the archive's first entry, ".", in an existing folder; all other entries are below it. With
	 * "." its contents are extracted to the folder itself. NULL: the archive may have any entries.
	 */
	const char *name;
	/* Files get the owners in the archive; otherwise the user of this process owns them. */
	bool keep_owner;
};

/*
 * Extracts the archive that is read from `in`. No entry can leave the destination, neither by its name (-EXDEV) nor
 * through links at the destination (-ENOTDIR, -ELOOP). A file gets its name when it is complete. An existing file or
 * link is replaced, and an existing folder is kept. A file never replaces a folder, nor a folder a file: -EISDIR,
 * -ENOTDIR. Devices are left out, with a warning on standard error. On failure `step` is the entry, or empty for the
 * destination itself.
 */
int tar_extract(int in, const struct extract_options *options, struct step *step);

#endif
