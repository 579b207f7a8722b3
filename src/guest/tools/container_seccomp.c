#include "tools/container_seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIGITS 16 /* per instruction */

int seccomp_parse(const char *text, struct seccomp *seccomp)
{
	static struct sock_filter filter[BPF_MAXINSNS];
	int length = 0;

	if (sscanf(text, "%x:%n", &seccomp->flags, &length) != 1 || length == 0)
		return -EINVAL;
	text += length;

	size_t digits = strspn(text, "0123456789abcdef"), count = digits / DIGITS;

	if (text[digits] || count == 0 || digits % DIGITS > 0 || count > BPF_MAXINSNS)
		return -EINVAL;
	for (size_t i = 0; i < count; i++, text += DIGITS) {
		struct sock_filter *at = &filter[i];

		if (sscanf(text, "%4hx%2hhx%2hhx%8x", &at->code, &at->jt, &at->jf, &at->k) != 4)
			return -EINVAL;
	}
	seccomp->program = (struct sock_fprog){ .len = (unsigned short)count, .filter = filter };
	return 0;
}

int seccomp_apply(const struct seccomp *seccomp)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, seccomp->flags, &seccomp->program) < 0 ? -errno : 0;
}
