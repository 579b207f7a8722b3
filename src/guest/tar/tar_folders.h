/* The open folders while an archive is extracted: a path of folders, each in the previous one. */
#ifndef SMOLVM_TAR_FOLDERS_H
#define SMOLVM_TAR_FOLDERS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* Each open folder takes a descriptor. */
#define TAR_DEPTH_MAX 256

/* The attributes that a file or a folder gets once it is complete. */
struct tar_attributes {
	mode_t mode;
	uid_t uid; /* (uid_t)-1 leaves the owner unchanged, as for `gid` */
	gid_t gid;
	struct timespec mtime;
};

struct tar_folders {
	size_t depth;
	struct tar_folder {
		int fd;
		bool is_new; /* gets its attributes when left: adding files needs write permission and sets mtime */
		struct tar_attributes attributes;
		char name[NAME_MAX + 1];
	} list[TAR_DEPTH_MAX];
};

/* Takes a descriptor: another process that can write to the folder may have replaced the file at its name. */
int tar_set_attributes(int fd, const struct tar_attributes *attributes);

/* Starts with the outermost folder; takes ownership of `fd`. */
void tar_folders_begin(struct tar_folders *folders, int fd);
/* The descriptor of the current (innermost) folder. */
int tar_folders_current(const struct tar_folders *folders);
/*
 * Goes to the folder `path` below the outermost one ("" is the outermost). Creates missing folders, and follows no
 * links. No part of `path` may be empty, "." or "..". -ENOTDIR when a part is not a folder.
 */
int tar_folders_go(struct tar_folders *folders, const char *path);
/* Creates a folder in the current one and goes there. An existing folder is left unchanged. */
int tar_folders_make(struct tar_folders *folders, const char *name, const struct tar_attributes *attributes);
/* Leaves and closes all folders. */
int tar_folders_end(struct tar_folders *folders);

#endif
