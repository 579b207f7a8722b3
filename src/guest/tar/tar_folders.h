/* The folders that are open while an archive is extracted: one after the other, each in the one before it. */
#ifndef SMOLVM_TAR_FOLDERS_H
#define SMOLVM_TAR_FOLDERS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* Each takes a descriptor. */
#define TAR_DEPTH_MAX 256

/* What a file or a folder gets when all else is done. */
struct tar_attributes {
	mode_t mode;
	uid_t uid; /* (uid_t)-1 leaves it as it is; so with the group */
	gid_t gid;
	struct timespec mtime;
};

struct tar_folders {
	size_t depth;
	struct tar_folder {
		int fd;
		bool is_new; /* its attributes come when it is left: they may forbid to fill it, and that sets its time */
		struct tar_attributes attributes;
		char name[NAME_MAX + 1];
	} list[TAR_DEPTH_MAX];
};

/* By its descriptor: others who may write to its folder can have put another file at its name. */
int tar_set_attributes(int fd, const struct tar_attributes *attributes);

/* The folder that all others are in; takes `fd` over. */
void tar_folders_begin(struct tar_folders *folders, int fd);
/* The descriptor of the innermost. */
int tar_folders_current(const struct tar_folders *folders);
/*
 * Goes to a folder below the first one, "" for that one itself; on the way it makes what is missing, and follows no
 * link. `path` has no part that is empty, "." or "..". -ENOTDIR for what is no folder.
 */
int tar_folders_go(struct tar_folders *folders, const char *path);
/* Makes a folder in the innermost and goes there; one that is there stays as it is. */
int tar_folders_make(struct tar_folders *folders, const char *name, const struct tar_attributes *attributes);
/* Leaves all of them. */
int tar_folders_end(struct tar_folders *folders);

#endif
