#include "setup/volumes.h"

#include <limits.h>

#include "setup/mounts.h"

int volumes_open(const struct setup_message *setup, int *fds, struct step *step)
{
	for (uint32_t i = 0; i < setup->mount_count; i++) {
		const struct setup_mount *mount = &setup->mounts[i];
		char path[PATH_MAX];

		if (mount->flags & MOUNT_TMPFS)
			continue; /* A tmpfs has no source to open. */
		step_begin(step, "open the volume for %s", mount->target);

		int err = mount_source(mount->source, mount->flags, path, sizeof(path));

		if (err)
			return err;
		fds[i] = mount_copy(path, mount->flags);
		if (fds[i] < 0)
			return fds[i];
	}
	return 0;
}

int volumes_attach(const struct setup_message *setup, const int *fds, struct step *step)
{
	for (uint32_t i = 0; i < setup->mount_count; i++) {
		const struct setup_mount *mount = &setup->mounts[i];

		step_begin(step, "mount volume at %s", mount->target);

		int err = mount->flags & MOUNT_TMPFS ? mount_memory(mount->source, mount->flags, mount->target)
						     : mount_attach(fds[i], mount->target);

		if (err)
			return err;
	}
	return 0;
}
