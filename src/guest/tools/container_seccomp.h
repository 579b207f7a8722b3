/* The seccomp filter of the process of an OCI container. */
#ifndef SMOLVM_CONTAINER_SECCOMP_H
#define SMOLVM_CONTAINER_SECCOMP_H

#include <linux/filter.h>

struct seccomp {
	unsigned int flags; /* for seccomp(2) */
	struct sock_fprog program;
};

/* Parses FLAGS:INSTRUCTIONS, in hexadecimal: 16 digits an instruction (code, two jumps, operand). 0 or -EINVAL. */
int seccomp_parse(const char *text, struct seccomp *seccomp);
/* Needs CAP_SYS_ADMIN or no_new_privs. */
int seccomp_apply(const struct seccomp *seccomp);

#endif
