#include "exec/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const char *env_value(char *const *env, const char *name)
{
	size_t length = strlen(name);

	for (; *env; env++)
		if (!strncmp(*env, name, length) && (*env)[length] == '=')
			return *env + length + 1;
	return NULL;
}

/* Reads the interpreter (dynamic loader) of an ELF program; leaves "" when it has none. */
static void elf_interpreter(int fd, char *interpreter, size_t size)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || header.e_phentsize != sizeof(segment))
		return;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		if (pread(fd, &segment, sizeof(segment), (off_t)(header.e_phoff + i * sizeof(segment))) !=
		    sizeof(segment))
			return;
		if (segment.p_type != PT_INTERP)
			continue;

		size_t wanted = segment.p_filesz < size ? segment.p_filesz : size - 1;
		ssize_t count = pread(fd, interpreter, wanted, (off_t)segment.p_offset);

		interpreter[count > 0 ? count : 0] = '\0';
		return;
	}
}

/* Reads the interpreter from a program's #! line or ELF header, or "". */
static void find_interpreter(const char *path, char *interpreter, size_t size)
{
	char start[256]; /* the kernel reads only that much */
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	interpreter[0] = '\0';
	if (fd < 0)
		return;

	ssize_t count = pread(fd, start, sizeof(start) - 1, 0);

	start[count > 0 ? count : 0] = '\0';
	if (!strncmp(start, "#!", 2)) {
		char *name = start + 2 + strspn(start + 2, " \t");

		name[strcspn(name, " \t\n")] = '\0';
		snprintf(interpreter, size, "%s", name);
	} else if (!strncmp(start, ELFMAG, SELFMAG)) {
		elf_interpreter(fd, interpreter, size);
	}
	close(fd);
}

/* Executes a file. On -ENOENT for an existing file, `what` names the missing interpreter. */
static int exec_file(const char *path, char *const *argv, char *const *env, char *what, size_t what_size)
{
	char interpreter[PATH_MAX];

	execve(path, argv, env);

	int err = -errno;

	if (err == -ENOENT && access(path, F_OK) == 0) {
		find_interpreter(path, interpreter, sizeof(interpreter));
		if (interpreter[0])
			snprintf(what, what_size, "%s: interpreter %s not found", path, interpreter);
	}
	return err;
}

/* Whether execvp() continues with the next folder of the PATH after this error. */
static bool is_elsewhere(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EACCES || err == -ESTALE || err == -ENODEV ||
	       err == -ETIMEDOUT;
}

int program_exec(char *const *argv, char *const *env, char *what, size_t what_size)
{
	const char *program = argv[0];
	const char *folder = env_value(env, "PATH");
	int result = -ENOENT;

	snprintf(what, what_size, "%s", program);
	if (!*program)
		return -ENOENT;
	if (strchr(program, '/'))
		return exec_file(program, argv, env, what, what_size);
	if (!folder)
		folder = DEFAULT_PATH;
	for (;;) {
		char path[PATH_MAX];
		size_t length = strcspn(folder, ":");
		/* An empty folder of the PATH is the working directory. */
		int size = snprintf(path, sizeof(path), "%.*s%s%s", (int)length, folder, length > 0 ? "/" : "./", program);

		if (size < PATH_MAX) {
			int err = exec_file(path, argv, env, what, what_size);

			if (!is_elsewhere(err))
				return err;
			if (err == -EACCES)
				result = -EACCES;
		}
		folder += length;
		if (!*folder++)
			return result;
	}
}
