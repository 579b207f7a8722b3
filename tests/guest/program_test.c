/* program_exec(), with programs that exit with different codes. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/program.h"
#include "test.h"

static char what[512];

/* Returns the exit code of the program, or the error of program_exec(). */
static int run(const char *program, const char *path)
{
	char variable[1024];
	char *env[] = { variable, NULL };
	char *argv[] = { (char *)program, NULL };
	int ends[2], status, err = 0;

	snprintf(variable, sizeof(variable), "PATH=%s", path);
	CHECK(pipe(ends) == 0);

	pid_t pid = fork();

	if (pid == 0) {
		CHECK(chdir(test_folder()) == 0);
		err = program_exec(argv, env, what, sizeof(what));
		CHECK(write(ends[1], what, sizeof(what)) == sizeof(what));
		_exit(-err);
	}
	close(ends[1]);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	what[0] = '\0';

	bool failed = read(ends[0], what, sizeof(what)) > 0;

	close(ends[0]);
	return failed ? -WEXITSTATUS(status) : WEXITSTATUS(status);
}

static const char *in_folder(const char *names)
{
	static char path[1024];
	char *end = path;

	for (const char *name = names; *name; name += strcspn(name, ":"), name += *name == ':')
		end += sprintf(end, "%s%s/%.*s", end == path ? "" : ":", test_folder(), (int)strcspn(name, ":"), name);
	return path;
}

static void make_programs(void)
{
	test_file("one/tool", "#!/bin/sh\nexit 41\n", 0755);
	test_file("two/tool", "#!/bin/sh\nexit 42\n", 0755);
	test_file("two/only", "#!/bin/sh\nexit 43\n", 0755);
	test_file("denied/tool", "#!/bin/sh\nexit 44\n", 0644);
	test_file("denied/secret", "#!/bin/sh\nexit 44\n", 0644);
	test_file("empty/tool", "exit 45\n", 0755);
	test_file("lost/tool", "#! /no/such/sh -x\nexit 46\n", 0755);
}

static void first_of_the_path(void)
{
	make_programs();
	CHECK_INT(run("tool", in_folder("one:two")), 41);
	CHECK_INT(run("tool", in_folder("two:one")), 42);
	CHECK_INT(run("only", in_folder("missing:one:two")), 43);
	CHECK_INT(run("only", in_folder("one/tool:two")), 43); /* a file in the PATH: ENOTDIR */
}

static void not_found(void)
{
	make_programs();
	CHECK_INT(run("nope", in_folder("one:two")), -ENOENT);
	CHECK_TEXT(what, "nope");
	CHECK_INT(run("", in_folder("one")), -ENOENT);
	CHECK_INT(run("./one/nope", in_folder("one")), -ENOENT);
	CHECK_TEXT(what, "./one/nope");
	CHECK_INT(run("tool/x", in_folder("one")), -ENOENT);
}

static void denied_only_if_nothing_else(void)
{
	make_programs();
	CHECK_INT(run("tool", in_folder("denied:one")), 41);
	CHECK_INT(run("secret", in_folder("denied:one")), -EACCES);
	CHECK_TEXT(what, "secret");
	CHECK_INT(run("./denied/secret", ""), -EACCES);
	CHECK_INT(run("./one", ""), -EACCES);
}

static void no_shell_for_scripts(void)
{
	make_programs();
	CHECK_INT(run("tool", in_folder("empty:one")), -ENOEXEC);
	CHECK_INT(run("./empty/tool", ""), -ENOEXEC);
	CHECK_TEXT(what, "./empty/tool");
}

static void working_directory(void)
{
	test_file("here", "#!/bin/sh\nexit 47\n", 0755);
	CHECK_INT(run("here", ""), 47);
	CHECK_INT(run("here", "/nonexistent:"), 47);
	CHECK_INT(run("here", ":/nonexistent"), 47);
	CHECK_INT(run("here", "/nonexistent"), -ENOENT);
}

static void default_path(void)
{
	char *env[] = { NULL };
	char *argv[] = { "sh", "-c", "exit 48", NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(-program_exec(argv, env, what, sizeof(what)));
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(WEXITSTATUS(status), 48);
}

static void interpreter_of_a_script(void)
{
	char expected[512];

	make_programs();
	CHECK_INT(run("./lost/tool", ""), -ENOENT);
	CHECK_TEXT(what, "./lost/tool: interpreter /no/such/sh not found");
	CHECK_INT(run("tool", in_folder("lost")), -ENOENT);
	snprintf(expected, sizeof(expected), "%s/lost/tool: interpreter /no/such/sh not found", test_folder());
	CHECK_TEXT(what, expected);
	CHECK_INT(run("tool", in_folder("lost:two")), 42);
}

/* A copy of this machine's shell with a wrong path of its loader. */
static void loader_of_an_elf_program(void)
{
	static char program[4 * 1024 * 1024];
	char path[256], expected[512];
	FILE *file = fopen("/bin/sh", "re");

	CHECK(file);

	size_t size = fread(program, 1, sizeof(program), file);

	fclose(file);

	char *loader = memmem(program, size, "/ld-linux", 9);

	CHECK(loader); /* otherwise /bin/sh is static and this machine cannot run the test */
	while (loader[-1])
		loader--;
	loader[1] = 'X';
	snprintf(path, sizeof(path), "%s", test_file("sh", "", 0755));
	file = fopen(path, "we");
	CHECK(file && fwrite(program, 1, size, file) == size && fclose(file) == 0);

	CHECK_INT(run("./sh", ""), -ENOENT);
	snprintf(expected, sizeof(expected), "./sh: interpreter %s not found", loader);
	CHECK_TEXT(what, expected);
}

static void values_of_the_environment(void)
{
	char *env[] = { "PATHS=no", "PATH=yes", "PATH=second", "EMPTY=", "NONE", NULL };

	CHECK_TEXT(env_value(env, "PATH"), "yes");
	CHECK_TEXT(env_value(env, "EMPTY"), "");
	CHECK(!env_value(env, "NONE"));
	CHECK(!env_value(env, "PAT"));
}

int main(void)
{
	static const struct test tests[] = {
		{ "program_exec() executes the first program in the PATH", first_of_the_path },
		{ "program_exec() returns ENOENT when no folder has the program", not_found },
		{ "program_exec() returns EACCES only if no folder has a usable program", denied_only_if_nothing_else },
		{ "program_exec() does not run scripts without #! with a shell", no_shell_for_scripts },
		{ "program_exec() treats an empty folder in the PATH as the working directory", working_directory },
		{ "program_exec() has a default PATH", default_path },
		{ "program_exec() names the missing interpreter of a script", interpreter_of_a_script },
		{ "program_exec() names the missing loader of an ELF program", loader_of_an_elf_program },
		{ "env_value() returns the first variable whose whole name matches", values_of_the_environment },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
