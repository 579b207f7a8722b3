/*
 * vfs_escape TRY=PATH...: tries to reach the host's files as root in a guest, by talking to the file share directly.
 * For each try it prints a line to the console and to standard output: "escape: TRY PATH: RESULT". It ends the guest,
 * which loses its file share. The word "wait" among the tries waits for input, so that the test can read earlier lines
 * before a try ends the machine.
 *
 *   read, list     by the absolute name, in one look-up
 *   climb          by ".." up to the host's root, then name by name
 *   link           by a symlink planted in the folder s/v0 of the share, which must be a writable volume
 *   overwrite      overwrites the start of a file
 *   create         creates a file
 *   descriptors    shows the target of each open descriptor of the VM's process; PATH is how many to look at
 *   map            maps a page of the agent's file at an offset outside the device's window; PATH is the offset
 *   garbage        sends invalid requests to the queues of the device PATH: rng, block, vsock, console or balloon
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuse.h"
#include "garbage.h"

#define MARK "written by the guest\n"
/* Deeper than any folder. */
#define CLIMB 64

static char text[2048];
static int console = -1;

/* Prints a line with one write, so that no other console output is mixed into it. */
__attribute__((format(printf, 3, 4))) static void say(const char *try, const char *path, const char *format, ...)
{
	char line[4096];
	int used = snprintf(line, sizeof(line), "escape: %s %s: ", try, path);
	va_list arguments;

	va_start(arguments, format);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, arguments);
	va_end(arguments);
	if (used > (int)sizeof(line) - 2)
		used = sizeof(line) - 2;
	for (int i = 0; i < used; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	line[used++] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)used) < 0 || write(console, line, (size_t)used) < 0)
		perror("write");
}

static void say_result(const char *try, const char *path, int err)
{
	if (err)
		say(try, path, "%s", strerrorname_np(-err));
	else
		say(try, path, "ok %s", text);
}

/* Goes from the root of the share up to the process's root, which is its own parent, and down again. */
static int climb(const char *path, struct fuse_node *node)
{
	char names[1024], *rest = names, *name;
	int err = 0;

	*node = (struct fuse_node){ .id = FUSE_SHARE_ROOT };
	for (int i = 0; !err && i < CLIMB; i++)
		err = fuse_lookup(node->id, "..", node);
	snprintf(names, sizeof(names), "%s", path);
	while (!err && (name = strsep(&rest, "/")))
		if (name[0])
			err = fuse_lookup(node->id, name, node);
	return err;
}

/* Creates a symlink in a writable volume to the folder of the file, and looks a name up through it. */
static int follow(const char *path, struct fuse_node *node)
{
	static unsigned count;
	char name[64], folder[1024], through[1200];
	const char *base = strrchr(path, '/');
	struct fuse_node volume;
	int err = fuse_lookup(FUSE_SHARE_ROOT, "s", &volume);

	if (!err)
		err = fuse_lookup(volume.id, "v0", &volume);
	snprintf(name, sizeof(name), "link%u", count++);
	snprintf(folder, sizeof(folder), "%.*s/", (int)(base - path), path);
	snprintf(through, sizeof(through), "%s%s", name, base);
	if (!err)
		err = fuse_symlink(volume.id, name, folder);
	return err ? err : fuse_lookup(volume.id, through, node);
}

static int read_node(const struct fuse_node *node)
{
	if (S_ISLNK(node->mode))
		return fuse_read_link(node->id, text, sizeof(text));
	return S_ISDIR(node->mode) ? fuse_list(node->id, text, sizeof(text)) : fuse_read(node->id, text, sizeof(text));
}

/* Shows the targets of the process's open descriptors: an open folder would be a way out of any root. */
static void look_at_descriptors(int count)
{
	for (int fd = 0; fd < count; fd++) {
		char path[64], inside[80];
		struct fuse_node node;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fuse_lookup(FUSE_SHARE_ROOT, path, &node) || fuse_read_link(node.id, text, sizeof(text)))
			continue;
		say("descriptor", path, "%s", text);
		snprintf(inside, sizeof(inside), "%s/..", path);
		if (!fuse_lookup(FUSE_SHARE_ROOT, inside, &node))
			say_result("above", path, fuse_list(node.id, text, sizeof(text)));
	}
}

static void try_path(const char *try, const char *path)
{
	struct fuse_node node;
	int err = 0;

	text[0] = 0;
	if (!strcmp(try, "descriptors")) {
		look_at_descriptors(atoi(path));
		return;
	}
	if (!strcmp(try, "create")) {
		err = fuse_create(FUSE_SHARE_ROOT, path, MARK);
	} else if (!strcmp(try, "garbage")) {
		err = send_garbage(path);
	} else if (!strcmp(try, "map")) {
		err = fuse_lookup(FUSE_SHARE_ROOT, "agent", &node);
		if (!err)
			err = fuse_map(node.id, strtoull(path, NULL, 0));
	} else {
		err = !strcmp(try, "climb")  ? climb(path, &node)
		      : !strcmp(try, "link") ? follow(path, &node)
					     : fuse_lookup(FUSE_SHARE_ROOT, path, &node);
		if (!err)
			err = strcmp(try, "overwrite") ? read_node(&node) : fuse_write(node.id, MARK);
	}
	say_result(try, path, err);
}

int main(int argc, char **argv)
{
	console = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	int err = fuse_open_device();

	say_result("take", "device", err);
	if (err)
		return 1;
	for (int i = 1; i < argc; i++) {
		char *path = strchr(argv[i], '=');

		if (!strcmp(argv[i], "wait"))
			getchar();
		if (!path || path[1] == 0)
			continue;
		*path = 0;
		try_path(argv[i], path + 1);
	}
	say("end", "of tries", "ok");
	sleep(1);
	reboot(RB_AUTOBOOT);
	return 0;
}
