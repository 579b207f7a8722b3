#include "tools/tar_tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tar/tar_create.h"
#include "tar/tar_extract.h"
#include "tools/usage.h"

static const char *reason_of(int err)
{
	switch (err) {
	case -EBADMSG:
		return "The archive is broken";
	case -ENODATA:
		return "The archive ends too early";
	case -ESTALE:
		return "It has become shorter while it was copied";
	case -EXDEV:
		return "It would leave the destination";
	case -ENOMEDIUM:
		return "It is a virtual file system: copy its files one by one";
	default:
		return strerror(-err);
	}
}

static int report(int err, const struct step *step)
{
	if (err && step->text[0])
		fprintf(stderr, "\"%s\": ", step->text);
	if (err)
		fprintf(stderr, "%s\n", reason_of(err));
	return err != 0;
}

static int create(const char *path, const char *name, bool follow)
{
	struct step step;
	int result = tar_create(STDOUT_FILENO, path, name, follow, &step);

	if (result <= 0)
		return report(result, &step);
	fprintf(stderr, "%d of its files changed or could not be read\n", result);
	return TAR_INCOMPLETE;
}

int tar_tool(int argc, char **argv)
{
	struct step step;
	const char *action = argc > 1 ? argv[1] : "";
	bool has_flag = argc > 2 && argv[2][0] == '-';
	char **operands = argv + 2 + has_flag;
	int count = argc - 2 - has_flag;

	/* Create files with exactly the permissions in the archive. */
	umask(0);
	if (strcmp(action, "create") == 0 && count == 2 && (!has_flag || strcmp(argv[2], "-L") == 0))
		return create(operands[0], operands[1], has_flag);
	if (strcmp(action, "extract") == 0 && (count == 1 || count == 2) && (!has_flag || strcmp(argv[2], "-a") == 0)) {
		const struct extract_options options = {
			.destination = operands[0],
			.name = operands[1], /* NULL at the end of the arguments */
			.keep_owner = has_flag,
		};

		return report(tar_extract(STDIN_FILENO, &options, &step), &step);
	}
	fprintf(stderr, "usage: tar create [-L] PATH NAME | tar extract [-a] DESTINATION [NAME]\n");
	return TOOL_USAGE;
}
