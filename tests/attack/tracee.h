/* Makes system calls on a thread of another process, as code that took the process over could. */
#ifndef ATTACK_TRACEE_H
#define ATTACK_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum call_by {
	BY_NATIVE,
	BY_INT80, /* the calls of 32-bit programs; x64 only */
};

struct answer {
	long result; /* the return value of the call, unless it ended the process */
	int killed; /* the signal that killed the process, or -1 when it exited in another way */
	bool executed; /* the process executes another program now */
};

/* Stops a thread of a process. Returns 0 or -errno. */
int tracee_stop(pid_t process, pid_t thread);

/* Copies data to the thread's memory, for use in its calls. `at` is an offset below 8192. Returns its address. */
long tracee_put(size_t at, const void *data, size_t size);

struct answer tracee_call(enum call_by by, long number, const long arguments[6]);

/* Lets the thread continue where it was stopped. */
void tracee_release(void);

#endif
