/* Finding and executing a command's program. */
#ifndef SMOLVM_PROGRAM_H
#define SMOLVM_PROGRAM_H

#include <stddef.h>

/* Exit codes, as of shells. */
#define PROGRAM_NOT_EXECUTABLE 126
#define PROGRAM_NOT_FOUND 127

/*
 * As execvpe(), with the PATH of `env` (docker's default without one) and without its shell for scripts that have
 * no #! line. Returns only on failure: -errno, -ENOENT when no folder of the PATH has it, -EACCES when one has and
 * none may be executed. `what` is then the program as given, and says so when what is missing is the program's
 * interpreter: ENOENT alone would send people looking for a program that is there.
 */
int program_exec(char *const *argv, char *const *env, char *what, size_t what_size);

/* The value of `name` in `env`, or NULL. */
const char *env_value(char *const *env, const char *name);

#endif
