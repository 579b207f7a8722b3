#include "setup/privileges.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (1ull << (capability))

/* Raw memory, ports and devices; kernel modules; the policy of a security module (none is loaded). */
#define AGENT_LACKS \
	(BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_MODULE) | BIT(CAP_MAC_ADMIN) | BIT(CAP_MAC_OVERRIDE))
/* Also kexec and reboot: on x86, a power-off leaves the VMM running with a halted CPU. */
#define COMMANDS_LACK (AGENT_LACKS | BIT(CAP_SYS_BOOT))

/* Drops capabilities from all five sets. */
static int drop(uint64_t capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	for (int capability = 0; capability < 64; capability++)
		if (capabilities & BIT(capability) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -errno;
	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t kept = (uint32_t)~(capabilities >> (32 * i));

		sets[i].permitted &= kept;
		sets[i].effective &= kept;
		sets[i].inheritable &= kept;
	}
	/* Ambient capabilities must be permitted and inheritable: the kernel drops them together with these. */
	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define COMPAT AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#define COMPAT AUDIT_ARCH_ARM
#endif
#define COMPAT_IOCTL 54
#define X32_IOCTL (0x40000000 | 514) /* seccomp reports x32 as the native architecture; not a system call on arm64 */

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))

/*
 * TIOCSSERIAL can move a serial port to any address of the machine's memory, and needs only CAP_SYS_ADMIN. The filter
 * checks the system call number first: for calls that it allows without looking at arguments, the kernel skips it.
 */
static int forbid_moving_serial_ports(void)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		IF_EQUAL(NATIVE, 0, 3),
		LOAD(nr),
		IF_EQUAL(__NR_ioctl, 4, 0),
		IF_EQUAL(X32_IOCTL, 3, 5),
		IF_EQUAL(COMPAT, 0, 4),
		LOAD(nr),
		IF_EQUAL(COMPAT_IOCTL, 0, 2),
		LOAD(args[1]),
		IF_EQUAL(TIOCSSERIAL, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	const struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

int privileges_restrict_agent(void)
{
	int err = forbid_moving_serial_ports();

	return err ? err : drop(AGENT_LACKS);
}

int privileges_restrict_command(void)
{
	return drop(COMMANDS_LACK);
}
