import {
  assemble,
  type FilterVerdict,
  type Instruction,
  loadArch,
  loadArgument,
  loadNumber,
  loadUpperHalf,
  mask,
  unlessEqual,
  verdict,
  whenAnyBit,
  whenEqual,
  whenOneOf,
} from "./bpf.ts";
import { type Architecture, syscallNumber } from "./syscall_numbers.ts";

const [EPERM, ENOSYS, ECONNREFUSED] = [1, 38, 111];

/** The calls that Deno, V8 and libkrun need while a VM runs, with any arguments. */
const ALLOWED = `
  accept accept4 access bind brk capget capset clock_getres clock_gettime clock_nanosleep close connect copy_file_range
  dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd2 exit exit_group faccessat
  faccessat2 fadvise64 fallocate fchown fchownat fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat
  fstatfs fsync ftruncate futex getcwd getdents64 getegid geteuid getgid getpeername getpid getrandom getrlimit
  getrusage getsockname getsockopt gettid gettimeofday getuid getxattr lgetxattr linkat listen listxattr llistxattr
  lremovexattr lseek lsetxattr lstat madvise membarrier memfd_create mincore mkdir mmap mprotect mremap msync munmap
  nanosleep newfstatat pipe2 pkey_mprotect poll ppoll pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readlink
  readlinkat readv recvfrom recvmmsg recvmsg removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
  rt_sigprocmask rt_sigreturn sched_getaffinity sched_getparam sched_getscheduler sched_yield sendmmsg sendmsg sendto
  set_robust_list setgroups setresgid setresuid setsockopt setxattr shutdown sigaltstack stat statfs statx symlinkat
  sync_file_range syncfs sysinfo timerfd_create timerfd_settime umask uname unlink unlinkat utimensat write writev
`.trim().split(/\s+/);

/** Calls that a runner never makes, but an attacker would: they kill the process. Calls in no list fail with EPERM. */
const DEADLY = `
  add_key bpf chroot delete_module execve execveat finit_module fork fsconfig fsmount fsopen fspick init_module
  io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl mount mount_setattr move_mount
  name_to_handle_at open_by_handle_at open_tree perf_event_open pidfd_getfd pidfd_open pivot_root process_vm_readv
  process_vm_writev ptrace request_key setns umount2 unshare userfaultfd vfork
`.trim().split(/\s+/);

/** Newer calls with arguments in memory, which filters cannot check. ENOSYS makes programs fall back to older calls. */
const UNSEEN = ["clone3", "fchmodat2", "openat2"];

// ioctl(2): FIONBIO, FIONREAD, FIONCLEX, FIOCLEX, TCGETS, TIOCGWINSZ; and the group of all KVM ioctls, or KVM_RUN.
const IOCTLS = [0x5421, 0x541b, 0x5450, 0x5451, 0x5401, 0x5413];
const [KVM_RUN, KVM_GROUP] = [0xae80, 0xae00];

const AF_UNIX = 1;
const [SOCK_STREAM, SOCK_TYPE_MASK] = [1, 0xf];
const [S_ISUID, S_ISGID, S_IFMT, S_IFCHR, S_IFBLK] = [0o4000, 0o2000, 0o170000, 0o020000, 0o060000];
/** O_CREAT, and the bit that only O_TMPFILE has: open(2) has a mode only with one of them. */
const O_CREATES = 0o100 | 0o20000000;
const CLONE_THREAD = 0x10000;
/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const CLONE_NAMESPACES = 0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000;
/** PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_SET_VMA. */
const PRCTLS = [15, 16, 23, 0x53564d41];
/** Duplicates, flags, record locks, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS; not owners, leases or notifications. */
const FCNTLS = [0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1033, 1034];
const [SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC] = [1, 1];

/** The values that a filter depends on. */
export interface FilterOptions {
  arch: Architecture;
  /** The process id of the runner. */
  pid: number;
}

/** The filters of a runner, in the order in which they are loaded: each is a program for seccomp(2). */
export interface RunnerFilters {
  boot: Uint8Array<ArrayBuffer>;
  guest: Uint8Array<ArrayBuffer>;
}

/** The filters for this process. */
export function runnerFilters(): RunnerFilters {
  const { arch } = Deno.build;
  return { boot: bootFilter({ arch, pid: Deno.pid }), guest: guestFilter({ arch }) };
}

/** The filter that is loaded before the VM starts: a program for seccomp(2). */
export function bootFilter({ arch, pid }: FilterOptions): Uint8Array<ArrayBuffer> {
  const on = (name: string, body: readonly Instruction[]) => onCall(name, arch, body);
  const otherwise = verdict(EPERM);
  const oneOf = (index: number, values: readonly number[]) => [
    loadArgument(index),
    ...whenOneOf(values, "allow"),
    otherwise,
  ];
  const withoutBits = (index: number, bits: number) => [
    loadArgument(index),
    ...whenAnyBit(bits, [otherwise]),
    verdict("allow"),
  ];
  return assemble([
    ...startFor(arch),
    // First, because a vCPU makes hardly any other calls.
    ...on("ioctl", [
      loadArgument(1),
      ...whenOneOf(IOCTLS, "allow"),
      mask(0xff00),
      ...whenEqual(KVM_GROUP, [verdict("allow")]),
      otherwise,
    ]),
    ...decideAll(ALLOWED, "allow", arch),
    // A set-user-ID file in a volume would give its owner's rights to all users who can execute it on the host.
    ...on("open", [loadArgument(1), ...whenAnyBit(O_CREATES, withoutBits(2, S_ISUID | S_ISGID)), verdict("allow")]),
    ...on("openat", [loadArgument(2), ...whenAnyBit(O_CREATES, withoutBits(3, S_ISUID | S_ISGID)), verdict("allow")]),
    ...on("mkdirat", withoutBits(2, S_ISUID)),
    // Only set-user-ID: folders may need the set-group-ID bit, and a filter cannot tell them from files.
    ...on("chmod", withoutBits(1, S_ISUID)),
    ...on("fchmod", withoutBits(1, S_ISUID)),
    ...on("fchmodat", withoutBits(2, S_ISUID)),
    ...on("mknodat", [
      loadArgument(2),
      ...whenAnyBit(S_ISUID | S_ISGID, [otherwise]),
      mask(S_IFMT),
      ...whenOneOf([S_IFCHR, S_IFBLK], EPERM),
      verdict("allow"),
    ]),
    ...on("socket", [
      loadArgument(0),
      ...whenEqual(AF_UNIX, [loadArgument(1), mask(SOCK_TYPE_MASK), ...whenOneOf([SOCK_STREAM], "allow"), otherwise]),
      otherwise,
    ]),
    ...on("socketpair", oneOf(0, [AF_UNIX])),
    ...on("clone", [
      loadArgument(0),
      ...whenAnyBit(CLONE_NAMESPACES, [verdict("kill")]),
      ...whenAnyBit(CLONE_THREAD, [verdict("allow")]),
      verdict("kill"),
    ]),
    ...on("tgkill", oneOf(0, [pid])),
    ...on("prctl", oneOf(0, PRCTLS)),
    ...on("fcntl", oneOf(1, FCNTLS)),
    // Only to read a limit: the pointer to a new limit must be NULL.
    ...on("prlimit64", [
      loadArgument(2),
      ...whenEqual(0, [loadUpperHalf(2), ...whenEqual(0, [verdict("allow")]), otherwise]),
      otherwise,
    ]),
    // More filters, for all threads: they can only restrict further.
    ...on("seccomp", [
      loadArgument(0),
      ...whenEqual(SECCOMP_SET_MODE_FILTER, [
        loadArgument(1),
        ...whenOneOf([SECCOMP_FILTER_FLAG_TSYNC], "allow"),
        otherwise,
      ]),
      otherwise,
    ]),
    ...decideAll(UNSEEN, ENOSYS, arch),
    ...decideAll(DEADLY, "kill", arch),
    otherwise,
  ]);
}

/** The further restrictions once the guest has connected: no new connections and listeners. */
export function guestFilter({ arch }: Pick<FilterOptions, "arch">): Uint8Array<ArrayBuffer> {
  return assemble([
    ...startFor(arch),
    ...onCall("ioctl", arch, [loadArgument(1), ...whenOneOf([KVM_RUN, ...IOCTLS], "allow"), verdict(EPERM)]),
    // libkrun passes ECONNREFUSED on to the guest. It treats other errors, and any of socket(2), as its own bug.
    ...decideAll(["connect", "bind", "listen", "socketpair"], ECONNREFUSED, arch),
    verdict("allow"),
  ]);
}

/** This process adds it to an intended exit status, which has only 8 bits; the guest's agent does the same. */
export const EXIT_MARK = 0x100;

/**
 * Kills this process when it exits with a status without {@linkcode EXIT_MARK}: libkrun exits with 0 when the guest's
 * kernel panics, which would look like success to callers that know only the status.
 */
export function exitFilter({ arch }: Pick<FilterOptions, "arch">): Uint8Array<ArrayBuffer> {
  return assemble([
    ...startFor(arch),
    ...onCall("exit_group", arch, [loadArgument(0), ...whenAnyBit(EXIT_MARK, [verdict("allow")]), verdict("kill")]),
    verdict("allow"),
  ]);
}

/** Loads the number of the call. Kills a process that calls for another architecture, which has other numbers. */
function startFor(arch: Architecture): Instruction[] {
  return [loadArch, ...unlessEqual(auditArch(arch), [verdict("kill")]), loadNumber];
}

/** Runs `body`, which must end the program, for a call; empty where the architecture lacks the call. */
function onCall(name: string, arch: Architecture, body: readonly Instruction[]): Instruction[] {
  const number = syscallNumber(name, arch);
  return number === undefined ? [] : whenEqual(number, body);
}

function decideAll(names: readonly string[], decision: FilterVerdict, arch: Architecture): Instruction[] {
  return names.flatMap((name) => onCall(name, arch, [verdict(decision)]));
}

/** The number of an architecture, from linux/audit.h. */
export function auditArch(arch: Architecture): number {
  return arch === "x86_64" ? 0xc000003e : 0xc00000b7;
}
