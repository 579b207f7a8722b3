/* Finds and executes the program of a command. */
#ifndef SMOLVM_PROGRAM_H
#define SMOLVM_PROGRAM_H

#include <stddef.h>

/* Exit codes, as in shells. */
#define PROGRAM_NOT_EXECUTABLE 126
#define PROGRAM_NOT_FOUND 127

/*
 * Like execvpe(), but with the PATH of `env` (or docker's default PATH), and without a shell for scripts that have no
 * #! line. Returns only on failure: -errno, which is -ENOENT when no folder of the PATH has the program, and -EACCES
 * when the program exists but may not be executed. `what` is then the program as given. If only its interpreter is
 * missing, `what` says so: ENOENT alone would make users look for a program that exists.
 */
int program_exec(char *const *argv, char *const *env, char *what, size_t what_size);

/* The value of `name` in `env`, or NULL. */
const char *env_value(char *const *env, const char *name);

#endif
