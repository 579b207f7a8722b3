/* The filter of system calls that the process of an OCI container has. */
#ifndef SMOLVM_CONTAINER_SECCOMP_H
#define SMOLVM_CONTAINER_SECCOMP_H

#include <linux/filter.h>

struct seccomp {
	unsigned int flags; /* of seccomp(2) */
	struct sock_fprog program;
};

/* Reads FLAGS:INSTRUCTIONS, hexadecimal: an instruction is its code, two jumps and operand in 16 digits. 0 or -EINVAL. */
int seccomp_parse(const char *text, struct seccomp *seccomp);
/* Takes CAP_SYS_ADMIN, or no new privileges. */
int seccomp_apply(const struct seccomp *seccomp);

#endif
