#include "tools/files_tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/file_remove.h"
#include "tools/file_replace.h"
#include "base/folders.h"
#include "tools/usage.h"
#include "base/transfer.h"

#define CHUNK_BYTES (64 * 1024)

/* The arguments of an action. */
struct request {
	bool has_flag;
	const char *path;
	const char *mode; /* NULL: none was given */
	struct step step; /* empty when the path itself failed */
};

static int read_file(struct request *request)
{
	char data[CHUNK_BYTES];
	/* O_NONBLOCK: open() must not wait for the writer of a FIFO. */
	int fd = open(request->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	ssize_t count = 0;
	int err;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &status) < 0 ? -errno : S_ISDIR(status.st_mode) ? -EISDIR : S_ISREG(status.st_mode) ? 0 : -EOPNOTSUPP;
	while (!err && (count = read_all(fd, data, sizeof(data))) > 0)
		err = write_all(STDOUT_FILENO, data, (size_t)count);
	close(fd);
	return err ? err : (int)count;
}

static char kind_of(mode_t mode)
{
	return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : 'o';
}

static int list_folder(struct request *request)
{
	DIR *files = opendir(request->path);
	struct dirent *file;
	int err;

	if (!files)
		return -errno;
	while ((errno = 0, file = readdir(files))) {
		struct stat status = { .st_mode = DTTOIF(file->d_type) };

		if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
			continue;
		/* Not all file systems report the type. A file that was removed meanwhile has no type. */
		if (file->d_type == DT_UNKNOWN)
			(void)!fstatat(dirfd(files), file->d_name, &status, AT_SYMLINK_NOFOLLOW);
		printf("%c%s%c", kind_of(status.st_mode), file->d_name, '\0');
	}
	err = -errno;
	closedir(files);
	return err;
}

static int print_status(struct request *request)
{
	struct stat status;

	if ((request->has_flag ? stat : lstat)(request->path, &status) < 0)
		return -errno;
	printf("%c %lld %o %u %u %lld %ld\n", kind_of(status.st_mode), (long long)status.st_size, status.st_mode & 07777,
	       status.st_uid, status.st_gid, (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
	return 0;
}

static int remove_path(struct request *request)
{
	if (request->has_flag)
		return file_remove_all(request->path, &request->step);
	return remove(request->path) < 0 ? -errno : 0;
}

static mode_t parse_mode(const char *text)
{
	return (mode_t)strtoul(text, NULL, 8) & 07777;
}

static int write_file(struct request *request)
{
	mode_t mode = request->mode ? parse_mode(request->mode) : FILE_MODE_KEPT;

	return file_replace(STDIN_FILENO, request->path, mode);
}

static int make_folder(struct request *request)
{
	mode_t mode = parse_mode(request->mode);

	if (request->has_flag)
		return folders_make(request->path, mode);
	return mkdir(request->path, mode) < 0 ? -errno : 0;
}

static const struct {
	const char *name;
	const char *flag;
	enum { NO_MODE, MAY_HAVE_MODE, HAS_MODE } mode;
	int (*run)(struct request *request);
} ACTIONS[] = {
	{ "list", NULL, NO_MODE, list_folder },
	{ "mkdir", "-p", HAS_MODE, make_folder },
	{ "read", NULL, NO_MODE, read_file },
	{ "remove", "-r", NO_MODE, remove_path },
	{ "stat", "-L", NO_MODE, print_status },
	{ "write", NULL, MAY_HAVE_MODE, write_file },
};

static int report(int err, const struct step *step)
{
	if (!err)
		return 0;
	if (*step->text)
		fprintf(stderr, "\"%s\": ", step->text);
	fprintf(stderr, "%s\n", strerror(-err));
	return err == -ENOENT ? FILES_MISSING : 1;
}

int files_tool(int argc, char **argv)
{
	struct request request = { 0 };

	for (size_t i = 0; argc > 2 && i < sizeof(ACTIONS) / sizeof(*ACTIONS); i++) {
		if (strcmp(ACTIONS[i].name, argv[1]) != 0)
			continue;
		request.has_flag = ACTIONS[i].flag && strcmp(argv[2], ACTIONS[i].flag) == 0;

		int count = argc - 2 - request.has_flag;

		if (count < 1 + (ACTIONS[i].mode == HAS_MODE) || count > 1 + (ACTIONS[i].mode != NO_MODE))
			break;
		request.path = argv[2 + request.has_flag];
		request.mode = argv[3 + request.has_flag]; /* NULL at the end of the arguments */
		/* Create files with exactly the requested permissions. */
		umask(0);

		int err = ACTIONS[i].run(&request);

		return report(!err && fflush(stdout) ? -errno : err, &request.step);
	}
	fprintf(stderr, "usage: files read|write|list|stat|remove|mkdir [-L|-r|-p] PATH [MODE]\n");
	return TOOL_USAGE;
}
