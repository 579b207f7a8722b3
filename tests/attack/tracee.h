/* Calls of the kernel made on a thread of another process: what code that took that process over could make. */
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
	long result; /* what the kernel returned, unless the call ended the process */
	int killed; /* the signal that ended it, or -1 when it exited otherwise */
	bool executed; /* another program runs in it now */
};

/* Stops a thread of a process. Returns 0 or -errno. */
int tracee_stop(pid_t process, pid_t thread);

/* Copies data to where calls of this thread can take it from. `at` is an offset below 8192. Returns its address. */
long tracee_put(size_t at, const void *data, size_t size);

struct answer tracee_call(enum call_by by, long number, const long arguments[6]);

/* Lets the thread go on as if nothing had been. */
void tracee_release(void);

#endif
