#include "jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A guest may have nested folders as deep as its disk allows. Nested folders are moved to the top folder one by one, so
 * that at most two folders are open at a time.
 */

static DIR *open_folder(int parent, const char *name)
{
	/* The owner may lack permission for the folder. It is not a link: unlink() would have removed a link. */
	fchmodat(parent, name, 0700, 0);
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !folder)
		close(fd);
	return folder;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Removes a file, a link or an empty folder. */
static bool remove_one(int folder, const char *name)
{
	return unlinkat(folder, name, 0) == 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

/* Moves a non-empty folder to the top folder, under an unused name. */
static bool move_up(int folder, const char *name, int top)
{
	static unsigned long number;
	char fresh[64];
	fchmodat(folder, name, 0700, 0);
	do
		snprintf(fresh, sizeof fresh, "removed-%lu", number++);
	while (faccessat(top, fresh, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	return renameat(folder, name, top, fresh) == 0;
}

/* Empties a folder in the top folder and removes it. */
static bool remove_folder(int top, const char *name)
{
	struct dirent *entry;
	DIR *folder = open_folder(top, name);
	if (!folder)
		return false;
	while ((entry = readdir(folder)))
		if (!is_dots(entry->d_name) && !remove_one(dirfd(folder), entry->d_name))
			move_up(dirfd(folder), entry->d_name, top);
	closedir(folder);
	return unlinkat(top, name, AT_REMOVEDIR) == 0;
}

void remove_tree(const char *path)
{
	if (remove_one(AT_FDCWD, path))
		return;
	DIR *top = open_folder(AT_FDCWD, path);
	if (!top)
		return;
	/* Reading a folder while its entries change may miss some: repeat until a pass removes nothing. */
	for (bool progress = true; progress;) {
		struct dirent *entry;
		progress = false;
		rewinddir(top);
		while ((entry = readdir(top)))
			if (!is_dots(entry->d_name))
				progress |= remove_one(dirfd(top), entry->d_name) || remove_folder(dirfd(top), entry->d_name);
	}
	closedir(top);
	rmdir(path);
}
