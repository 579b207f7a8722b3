/*
 * inject PROCESS THREAD FILE FOLDER [NAME...]: finds out what code could do that took over a process. Makes system
 * calls on one of its threads and prints a line for each: "inject: NAME: RESULT". The result is "ALLOWED" and the
 * return value, the name of an error, or "KILLED" and the signal, after which the process is gone. FILE is a file of
 * the host that the process must not reach, FOLDER is a folder that it may write to. Without NAMEs it tries all calls.
 * `inject --list` prints the names.
 *
 * Harmful calls get arguments that the kernel refuses, so "EFAULT", "EBADF", "EINVAL" and "ESRCH" mean that the jail
 * allowed the call. Calls that change files have "planted" in their names.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tracee.h"

/* Newer than some C libraries; one number on every architecture. */
#define NR_OPEN_TREE 428
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_PIDFD_GETFD 438
#define NR_PROCESS_MADVISE 440
#define NR_MOUNT_SETATTR 442
#define NR_MEMFD_SECRET 447
#define NR_FCHMODAT2 452
#define FIRST_TO_COME 480
#define LAST_TO_COME 511
#define X32 0x40000000
#define GETPID_OF_32_BIT 20

enum kind { IS_NUMBER, IS_DATA, IS_FILE, IS_IN_FOLDER, IS_OWN_PID };

struct argument {
	enum kind kind;
	long value;
	const void *data;
	size_t size;
};
#define N(number) { .value = (long)(number) }
#define S(string) { .kind = IS_DATA, .data = string, .size = sizeof(string) }
#define D(variable) { .kind = IS_DATA, .data = &variable, .size = sizeof(variable) }
#define THE_FILE { .kind = IS_FILE }
#define IN_FOLDER(name) { .kind = IS_IN_FOLDER, .data = name }
#define OWN_PID { .kind = IS_OWN_PID }

struct attempt {
	const char *name;
	long number;
	struct argument arguments[6];
	enum call_by by;
};

static const struct sockaddr_un abstract = { .sun_family = AF_UNIX, .sun_path = "\0smolvm-attack" };
static const struct clone_args user_namespace = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
static const struct { uint64_t flags, mode, resolve; } how = { O_RDONLY, 0, 0 };
/* CAP_DAC_OVERRIDE for each process that executes the file, as VFS_CAP_REVISION_2. */
static const uint32_t capability[5] = { 0x02000001, 2, 0, 0, 0 };
static const struct { uint32_t bytes; int32_t type; uint8_t room[128]; } handle = { 8, 1, { 0 } };

#define TRY(NAME, NUMBER, ...) { .name = NAME, .number = NUMBER, .arguments = { __VA_ARGS__ } }
#define AT N(AT_FDCWD)
#define BAD N(8) /* an unmapped address */

static const struct attempt ATTEMPTS[] = {
	/* Shows that calls work at all. */
	TRY("getpid", SYS_getpid, N(0)),
	/* Files. */
	TRY("open the file", SYS_openat, AT, THE_FILE, N(O_RDONLY)),
	TRY("open the file for writing", SYS_openat, AT, THE_FILE, N(O_WRONLY)),
	TRY("open the file by openat2", SYS_openat2, AT, THE_FILE, D(how), N(sizeof(how))),
	TRY("open /etc/passwd", SYS_openat, AT, S("/etc/passwd"), N(O_RDONLY)),
	TRY("open ../ passwd", SYS_openat, AT, S("../../../../../../../../etc/passwd"), N(O_RDONLY)),
	TRY("open /proc/1/environ", SYS_openat, AT, S("/proc/1/environ"), N(O_RDONLY)),
	TRY("open /proc/1/mem", SYS_openat, AT, S("/proc/1/mem"), N(O_RDWR)),
	TRY("open /proc/1/root", SYS_openat, AT, S("/proc/1/root"), N(O_PATH)),
	TRY("open /proc/self/root", SYS_openat, AT, S("/proc/self/root/etc/passwd"), N(O_RDONLY)),
	TRY("open /proc/self/exe", SYS_openat, AT, S("/proc/self/exe"), N(O_RDONLY)),
	TRY("open /proc/self/mem", SYS_openat, AT, S("/proc/self/mem"), N(O_RDWR)),
	TRY("open /proc/sysrq-trigger", SYS_openat, AT, S("/proc/sysrq-trigger"), N(O_WRONLY)),
	TRY("open core_pattern", SYS_openat, AT, S("/proc/sys/kernel/core_pattern"), N(O_WRONLY)),
	TRY("open /sys", SYS_openat, AT, S("/sys"), N(O_RDONLY)),
	TRY("open /bin/sh", SYS_openat, AT, S("/bin/sh"), N(O_RDONLY)),
	TRY("open /dev/mem", SYS_openat, AT, S("/dev/mem"), N(O_RDWR)),
	TRY("open /dev/tty", SYS_openat, AT, S("/dev/tty"), N(O_RDWR)),
	TRY("open /dev/net/tun", SYS_openat, AT, S("/dev/net/tun"), N(O_RDWR)),
	TRY("open /dev/vhost-vsock", SYS_openat, AT, S("/dev/vhost-vsock"), N(O_RDWR)),
	TRY("planted /planted", SYS_openat, AT, S("/planted"), N(O_CREAT | O_WRONLY), N(0600)),
	TRY("planted /tmp/planted", SYS_openat, AT, S("/tmp/planted"), N(O_CREAT | O_WRONLY), N(0600)),
	TRY("planted folder", SYS_mkdirat, AT, S("/planted-folder"), N(0700)),
	TRY("planted link", SYS_linkat, AT, THE_FILE, AT, S("/planted-link"), N(0)),
	TRY("unlink the file", SYS_unlinkat, AT, S("/etc/smolvm-attack"), N(0)),
	TRY("name_to_handle_at", SYS_name_to_handle_at, AT, S("/"), D(handle), BAD, N(0)),
	TRY("open_by_handle_at", SYS_open_by_handle_at, AT, D(handle), N(O_RDONLY)),
	TRY("planted block device", SYS_mknodat, AT, S("/planted-block"), N(S_IFBLK | 0600), N(0x800)),
	TRY("planted /dev/mem", SYS_mknodat, AT, S("/planted-mem"), N(S_IFCHR | 0600), N(0x101)),
	/* The writable folder, and files in it that would be dangerous on the host. */
	TRY("planted file", SYS_openat, AT, IN_FOLDER("planted"), N(O_CREAT | O_WRONLY), N(0700)),
	TRY("planted fifo", SYS_mknodat, AT, IN_FOLDER("planted-fifo"), N(S_IFIFO | 0600), N(0)),
	TRY("planted set-uid file", SYS_openat, AT, IN_FOLDER("planted-suid"), N(O_CREAT | O_WRONLY), N(04755)),
	TRY("planted set-uid node", SYS_mknodat, AT, IN_FOLDER("planted-suid"), N(S_IFREG | 04755), N(0)),
	TRY("planted set-uid mode", SYS_fchmodat, AT, IN_FOLDER("planted"), N(04755)),
	TRY("planted set-uid mode by fchmodat2", NR_FCHMODAT2, AT, IN_FOLDER("planted"), N(04755), N(0)),
	TRY("planted file capability", SYS_setxattr, IN_FOLDER("planted"), S("security.capability"), D(capability),
	    N(sizeof(capability)), N(0)),
	TRY("planted block device there", SYS_mknodat, AT, IN_FOLDER("planted-block"), N(S_IFBLK | 0600), N(0x800)),
	TRY("open above", SYS_openat, AT, IN_FOLDER("../machine.json"), N(O_RDONLY)),
	TRY("planted above", SYS_openat, AT, IN_FOLDER("../planted"), N(O_CREAT | O_WRONLY), N(0600)),
	TRY("planted by rename", SYS_renameat2, AT, IN_FOLDER("planted"), AT, IN_FOLDER("../planted"), N(0)),
	/* Sockets other than streams of a family. */
	TRY("socket unix datagram", SYS_socket, N(AF_UNIX), N(SOCK_DGRAM)),
	TRY("socket unix seqpacket", SYS_socket, N(AF_UNIX), N(SOCK_SEQPACKET)),
	TRY("socket inet datagram", SYS_socket, N(AF_INET), N(SOCK_DGRAM)),
	TRY("socket inet raw", SYS_socket, N(AF_INET), N(SOCK_RAW), N(1)),
	TRY("socketpair", SYS_socketpair, N(AF_UNIX), N(SOCK_STREAM), N(0), BAD),
	TRY("connect", SYS_connect, N(-1), D(abstract), N(16)),
	TRY("bind", SYS_bind, N(-1), D(abstract), N(16)),
	TRY("listen", SYS_listen, N(-1), N(1)),
	/* Processes. */
	TRY("kill init", SYS_kill, N(1), N(0)),
	TRY("kill all", SYS_kill, N(-1), N(0)),
	TRY("kill itself", SYS_kill, OWN_PID, N(0)),
	TRY("tkill init", SYS_tkill, N(1), N(0)),
	TRY("tgkill init", SYS_tgkill, N(1), N(1), N(0)),
	TRY("rt_sigqueueinfo", SYS_rt_sigqueueinfo, N(1), N(0), BAD),
	TRY("rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, N(1), N(1), N(0), BAD),
	TRY("pidfd_send_signal", SYS_pidfd_send_signal, N(-1), N(0), N(0), N(0)),
	TRY("fcntl F_SETOWN", SYS_fcntl, N(-1), N(F_SETOWN), N(1)),
	TRY("prlimit64 of init", SYS_prlimit64, N(1), N(7), BAD, N(0)),
	TRY("setpriority", SYS_setpriority, N(99), N(1), N(0)),
	TRY("sched_setaffinity of init", SYS_sched_setaffinity, N(1), N(8), BAD),
	TRY("sched_setscheduler", SYS_sched_setscheduler, N(0), N(2), BAD),
	TRY("kcmp", SYS_kcmp, N(1), N(1), N(99), N(0), N(0)),
	TRY("process_madvise", NR_PROCESS_MADVISE, N(-1), BAD, N(1), N(0), N(0)),
	TRY("pidfd_getfd", NR_PIDFD_GETFD, N(-1), N(0), N(0)),
	/* Identities and rights. */
	TRY("setgroups", SYS_setgroups, N(1), BAD),
	TRY("setuid", SYS_setuid, N(-1)),
	TRY("prctl PR_SET_DUMPABLE", SYS_prctl, N(4), N(99)),
	TRY("prctl PR_SET_MM", SYS_prctl, N(35), N(99)),
	TRY("prctl PR_SET_PTRACER", SYS_prctl, N(0x59616d61), N(-1)),
	TRY("prctl PR_CAP_AMBIENT", SYS_prctl, N(47), N(99), N(0), N(0), N(0)),
	TRY("prctl PR_SET_SECCOMP", SYS_prctl, N(22), N(99)),
	TRY("personality", SYS_personality, N(0xffffffff)),
	TRY("keyctl", SYS_keyctl, N(0), N(-3), N(0)),
	TRY("add_key", SYS_add_key, BAD, BAD, N(0), N(0), N(-3)),
	TRY("request_key", SYS_request_key, BAD, BAD, N(0), N(-3)),
	/* Less common parts of the kernel. */
	TRY("shmget", SYS_shmget, N(1), N(4096), N(0)),
	TRY("msgget", SYS_msgget, N(1), N(0)),
	TRY("semget", SYS_semget, N(1), N(1), N(0)),
	TRY("mq_open", SYS_mq_open, S("smolvm-attack"), N(O_RDWR), N(0600), N(0)),
	TRY("syslog", SYS_syslog, N(3), BAD, N(1)),
	TRY("quotactl", SYS_quotactl, N(-1), N(0), N(0), BAD),
	TRY("swapon", SYS_swapon, BAD, N(0)),
	TRY("acct", SYS_acct, BAD),
	TRY("reboot", SYS_reboot, N(0), N(0), N(0), N(0)),
	TRY("sethostname", SYS_sethostname, BAD, N(4)),
	TRY("settimeofday", SYS_settimeofday, BAD, N(0)),
	TRY("clock_settime", SYS_clock_settime, N(0), BAD),
	TRY("clock_adjtime", SYS_clock_adjtime, N(0), BAD),
	TRY("init_module", SYS_init_module, BAD, N(64), BAD),
	TRY("finit_module", SYS_finit_module, N(-1), BAD, N(0)),
	TRY("delete_module", SYS_delete_module, BAD, N(0)),
	TRY("kexec_load", SYS_kexec_load, N(0), N(0), BAD, N(-1)),
	TRY("fanotify_init", SYS_fanotify_init, N(-1), N(0)),
	TRY("mbind", SYS_mbind, N(0), N(1), N(99), N(0), N(0), N(0)),
	TRY("move_pages", SYS_move_pages, N(1), N(0), N(0), N(0), N(0), N(0)),
	TRY("memfd_secret", NR_MEMFD_SECRET, N(99)),
	TRY("ioctl TIOCSTI", SYS_ioctl, N(0), N(0x5412), BAD),
	TRY("ioctl TIOCLINUX", SYS_ioctl, N(0), N(0x541c), BAD),
	TRY("ioctl SIOCGIFCONF", SYS_ioctl, N(0), N(0x8912), BAD),
	TRY("ioctl FS_IOC_SETFLAGS", SYS_ioctl, N(0), N(0x40086602), BAD),
	TRY("ioctl KVM_CREATE_VM", SYS_ioctl, N(-1), N(0xae01), N(0)),
	TRY("seccomp with a listener", SYS_seccomp, N(1), N(8), BAD),
	TRY("setrlimit", SYS_setrlimit, N(7), BAD),
	TRY("splice", SYS_splice, N(-1), N(0), N(-1), N(0), N(1), N(0)),
	TRY("vmsplice", SYS_vmsplice, N(-1), BAD, N(1), N(0)),
	TRY("inotify_init1", SYS_inotify_init1, N(-1)),
	TRY("timer_create", SYS_timer_create, N(99), BAD, BAD),
	TRY("landlock_create_ruleset", 444, BAD, N(8), N(0)),
	TRY("ioctl FICLONE", SYS_ioctl, N(0), N(0x40049409), N(-1)),
#ifdef __x86_64__
	TRY("iopl", SYS_iopl, N(3)),
	TRY("ioperm", SYS_ioperm, N(0x80), N(1), N(1)),
	TRY("modify_ldt", SYS_modify_ldt, N(0), BAD, N(8)),
	TRY("uselib", SYS_uselib, BAD),
	TRY("arch_prctl ARCH_SET_GS", SYS_arch_prctl, N(0x1001), N(0)),
#endif
	/* Other programs and namespaces. They come last because each of these is likely to kill the process. */
	TRY("ptrace init", SYS_ptrace, N(99), N(1)),
	TRY("process_vm_readv", SYS_process_vm_readv, N(1), N(0), N(0), N(0), N(0), N(0)),
	TRY("process_vm_writev", SYS_process_vm_writev, N(1), N(0), N(0), N(0), N(0), N(0)),
	TRY("pidfd_open", SYS_pidfd_open, N(1), N(0)),
	TRY("unshare user", SYS_unshare, N(CLONE_NEWUSER)),
	TRY("unshare mount", SYS_unshare, N(CLONE_NEWNS)),
	TRY("unshare network", SYS_unshare, N(CLONE_NEWNET)),
	TRY("unshare files", SYS_unshare, N(CLONE_FILES)),
	TRY("setns", SYS_setns, N(-1), N(0)),
	TRY("clone a process", SYS_clone, N(SIGCHLD)),
	TRY("clone a user namespace", SYS_clone, N(CLONE_NEWUSER | SIGCHLD)),
	TRY("clone3 a user namespace", SYS_clone3, D(user_namespace), N(sizeof(user_namespace))),
#ifdef __x86_64__
	TRY("fork", SYS_fork, N(0)),
	TRY("vfork", SYS_vfork, N(0)),
#endif
	TRY("mount", SYS_mount, S("none"), S("/smolvm-attack"), S("tmpfs"), N(0), N(0)),
	TRY("umount2", SYS_umount2, S("/smolvm-attack"), N(0)),
	TRY("pivot_root", SYS_pivot_root, S("/smolvm-attack"), S("/smolvm-attack")),
	TRY("chroot", SYS_chroot, S("/")),
	TRY("open_tree", NR_OPEN_TREE, AT, S("/"), N(1)),
	TRY("move_mount", NR_MOVE_MOUNT, N(-1), S(""), N(-1), S(""), N(0)),
	TRY("fsopen", NR_FSOPEN, S("tmpfs"), N(0)),
	TRY("mount_setattr", NR_MOUNT_SETATTR, N(-1), S(""), N(0), BAD, N(32)),
	TRY("bpf", SYS_bpf, N(0), BAD, N(8)),
	TRY("perf_event_open", SYS_perf_event_open, BAD, N(0), N(-1), N(-1), N(0)),
	TRY("userfaultfd", SYS_userfaultfd, N(0)),
	TRY("io_uring_setup", SYS_io_uring_setup, N(1), BAD),
	TRY("io_uring_enter", SYS_io_uring_enter, N(-1), N(0), N(0), N(0), N(0), N(0)),
	TRY("execve", SYS_execve, S("/bin/sh"), N(0), N(0)),
	TRY("execveat", SYS_execveat, N(-1), S(""), N(0), N(0), N(AT_EMPTY_PATH)),
#ifdef __x86_64__
	TRY("x32 getpid", X32 + SYS_getpid, N(0)),
	TRY("x32 openat", X32 + SYS_openat, AT, S("/etc/passwd"), N(O_RDONLY)),
	{ .name = "32-bit getpid", .number = GETPID_OF_32_BIT, .by = BY_INT80 },
#endif
};
#define ATTEMPT_COUNT (sizeof(ATTEMPTS) / sizeof(*ATTEMPTS))

static pid_t process;
static const char *file, *folder;
static bool over;

static void report(const char *name, const struct answer *answer)
{
	if (answer->killed)
		printf("inject: %s: KILLED %d\n", name, answer->killed);
	else if (answer->result < 0 && answer->result > -4096 && !answer->executed)
		printf("inject: %s: %s\n", name, strerrorname_np((int)-answer->result) ?: "an unknown error");
	else
		printf("inject: %s: ALLOWED %ld\n", name, answer->result);
	fflush(stdout);
	over = answer->killed || answer->executed;
}

static struct answer make(const struct attempt *attempt)
{
	long values[6];
	size_t at = 0;

	for (int i = 0; i < 6; i++) {
		const struct argument *argument = &attempt->arguments[i];
		char path[1024];
		const void *data = path;
		size_t size;

		values[i] = argument->kind == IS_OWN_PID ? process : argument->value;
		if (argument->kind == IS_NUMBER || argument->kind == IS_OWN_PID)
			continue;
		if (argument->kind == IS_DATA)
			data = argument->data, size = argument->size;
		else if (argument->kind == IS_FILE)
			size = (size_t)snprintf(path, sizeof(path), "%s", file) + 1;
		else
			size = (size_t)snprintf(path, sizeof(path), "%s/%s", folder, (const char *)argument->data) + 1;
		values[i] = tracee_put(at, data, size);
		at += (size + 63) & ~63UL;
	}
	return tracee_call(attempt->by, attempt->number, values);
}

/* Tries sockets of all families; closes those that can be created. */
static void try_sockets(void)
{
	for (int family = 0; family < AF_MAX && !over; family++) {
		char name[32];
		struct answer answer = tracee_call(BY_NATIVE, SYS_socket, (long[6]){ family, SOCK_STREAM });

		/* Some families have no stream sockets. */
		if (answer.result == -ESOCKTNOSUPPORT || answer.result == -EPROTONOSUPPORT)
			answer = tracee_call(BY_NATIVE, SYS_socket, (long[6]){ family, SOCK_RAW });
		snprintf(name, sizeof(name), "socket of family %d", family);
		report(name, &answer);
		if (!over && answer.result >= 0)
			tracee_call(BY_NATIVE, SYS_close, (long[6]){ answer.result });
	}
}

/* Tries call numbers that do not exist yet, or did not when this was written. */
static void try_calls_to_come(void)
{
	for (long number = FIRST_TO_COME; number <= LAST_TO_COME && !over; number++) {
		char name[32];
		struct answer answer = tracee_call(BY_NATIVE, number, (long[6]){ -1, -1, -1, -1, -1, -1 });

		snprintf(name, sizeof(name), "call number %ld", number);
		report(name, &answer);
	}
}

/* Reopens files that are open for reading for writing, which may bypass a read-only mount. */
static void try_descriptors(void)
{
	for (int fd = 0; fd < 256 && !over; fd++) {
		char link[64], target[512], name[600];

		snprintf(link, sizeof(link), "/proc/%d/fd/%d", process, fd);

		ssize_t length = readlink(link, target, sizeof(target) - 1);

		if (length < 0 || target[0] != '/')
			continue;
		target[length] = 0;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		snprintf(name, sizeof(name), "open %s again for writing", target);

		long path = tracee_put(0, link, strlen(link) + 1);
		struct answer answer = tracee_call(BY_NATIVE, SYS_openat, (long[6]){ AT_FDCWD, path, O_RDWR | O_NONBLOCK });

		report(name, &answer);
		if (!over && answer.result >= 0)
			tracee_call(BY_NATIVE, SYS_close, (long[6]){ answer.result });
		/* An open folder outside the root would be a way out. */
		path = tracee_put(0, "../../../../../../../../etc", sizeof("../../../../../../../../etc"));
		answer = tracee_call(BY_NATIVE, SYS_openat, (long[6]){ fd, path, O_RDONLY });
		if (answer.result != -ENOTDIR) {
			snprintf(name, sizeof(name), "open /etc from %s", target);
			report(name, &answer);
		}
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} GROUPS[] = { { "sockets of every family", try_sockets }, { "reopened descriptors", try_descriptors },
	    { "future call numbers", try_calls_to_come } };
#define GROUP_COUNT (sizeof(GROUPS) / sizeof(*GROUPS))

static bool is_wanted(const char *name, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return true;
	return count == 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < GROUP_COUNT; i++)
			puts(GROUPS[i].name);
		for (size_t i = 0; i < ATTEMPT_COUNT; i++)
			puts(ATTEMPTS[i].name);
		return 0;
	}
	if (argc < 5) {
		fputs("inject: PROCESS THREAD FILE FOLDER [NAME...] expected\n", stderr);
		return 2;
	}
	process = atoi(argv[1]);
	file = argv[3];
	folder = argv[4];

	int err = tracee_stop(process, atoi(argv[2]));

	if (err) {
		fprintf(stderr, "inject: cannot stop thread %s: %s\n", argv[2], strerror(-err));
		return 1;
	}
	for (size_t i = 0; i < GROUP_COUNT && !over; i++)
		if (is_wanted(GROUPS[i].name, argc - 5, argv + 5))
			GROUPS[i].run();
	for (size_t i = 0; i < ATTEMPT_COUNT && !over; i++) {
		if (!is_wanted(ATTEMPTS[i].name, argc - 5, argv + 5))
			continue;

		struct answer answer = make(&ATTEMPTS[i]);

		report(ATTEMPTS[i].name, &answer);
	}
	if (!over)
		tracee_release();
	return 0;
}
