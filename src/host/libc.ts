import { SmolvmError } from "../errors.ts";
import { describeErrno } from "../errno.ts";
import { type NativeFunctions, openLibrary } from "./native_library.ts";

const MS_BIND = 4096n;
const MS_REC = 16384n;
const SYS_MOUNT_SETATTR = 442n;
const AT_FDCWD = -100n;
const AT_RECURSIVE = 0x8000n;
const MOUNT_ATTR = { readOnly: 1n, noSetId: 2n, noDevices: 4n, noPrograms: 8n };
const SYS_PIVOT_ROOT = Deno.build.arch === "x86_64" ? 155n : 41n;
/** O_PATH and O_CLOEXEC. */
const OPEN_PATH = 0o12000000;
const MNT_DETACH = 2;
const ENOSYS = 38;
const SYS_SECCOMP = Deno.build.arch === "x86_64" ? 317n : 277n;
const SECCOMP_SET_MODE_FILTER = 1n;
const SECCOMP_FILTER_FLAG_TSYNC = 1n;

const FUNCTIONS = {
  creat: { parameters: ["buffer", "u32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  chdir: { parameters: ["buffer"], result: "i32" },
  _exit: { parameters: ["i32"], result: "void" },
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  cfmakeraw: { parameters: ["buffer"], result: "void" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies NativeFunctions;

const LINUX_FUNCTIONS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "buffer", "i64", "buffer", "i64"], result: "i64" },
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  pivotRoot: { name: "syscall", parameters: ["i64", "buffer", "buffer"], result: "i64" },
  seccomp: { name: "syscall", parameters: ["i64", "u64", "u64", "buffer"], result: "i64" },
} as const satisfies NativeFunctions;

/** The calls of the C library that Deno has no API for. Only the runner loads it. */
export class Libc {
  readonly #libc = openLibrary(Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6", FUNCTIONS);
  readonly #linux = Deno.build.os === "linux" ? openLibrary("libc.so.6", LINUX_FUNCTIONS) : undefined;
  /** The address of this thread's errno. Found in advance, because a call after a failed one could change errno. */
  readonly #errnoLocation = this.#linux?.__errno_location() ?? null;

  /** Opens `path` for writing, created or emptied; returns the descriptor, which the caller owns. */
  creat(path: string): number {
    // SAFETY: the buffer of a synchronous call lives until it returns, here and in every call below.
    const fd = this.#libc.creat(cString(path), 0o600);
    if (fd < 0) throw new SmolvmError("storage", `Cannot create the log "${path}": ${this.#lastError()}`);
    return fd;
  }

  /**
   * Opens a folder and returns a path that reaches it until disposed of, even inside a jail that does not contain the
   * folder. On macOS it is the folder's own path.
   */
  holdFolder(path: string): { path: string } & Disposable {
    if (this.#linux === undefined) return { path, [Symbol.dispose]() {} };
    const fd = this.#linux.open(cString(path), OPEN_PATH);
    if (fd < 0) throw new SmolvmError("storage", `Cannot open the folder "${path}": ${this.#lastError()}`);
    return { path: `/proc/self/fd/${fd}`, [Symbol.dispose]: () => void this.#libc.close(fd) };
  }

  dup2(from: number, to: number): void {
    if (this.#libc.dup2(from, to) < 0) {
      throw new SmolvmError("internal", `Cannot redirect descriptor ${to}: ${this.#lastError()}`);
    }
  }

  /**
   * Raises the soft limit of open files to the hard limit: virtiofs holds a descriptor for each file the guest knows.
   * Returns the limit, which is at least 2^64 - 1 if unlimited; `0n` if it cannot be read.
   */
  raiseOpenFilesLimit(): bigint {
    const RLIMIT_NOFILE = Deno.build.os === "darwin" ? 8 : 7;
    const limits = new BigUint64Array(2);
    if (this.#libc.getrlimit(RLIMIT_NOFILE, limits) < 0) return 0n;
    // macOS calls its hard limit infinite and refuses to set more than OPEN_MAX.
    const most = Deno.build.os === "darwin" ? 10_240n : limits[1]!;
    if (limits[0]! >= most) return limits[0]!;
    const raised = BigUint64Array.of(most, limits[1]!);
    return this.#libc.setrlimit(RLIMIT_NOFILE, raised) < 0 ? limits[0]! : most;
  }

  /** Mounts an empty tmpfs in the mount namespace of this process. */
  mountTmpfs(target: string): void {
    const failed = this.#mountCall()(cString("tmpfs"), cString(target), cString("tmpfs"), 0n, cString("mode=755"));
    if (failed) throw new SmolvmError("internal", `Cannot mount a tmpfs at "${target}": ${this.#lastError()}`);
  }

  /** Binds the folder `source` at `target` with its submounts, with `nodev` and `nosuid`. */
  bind(source: string, target: string, { readOnly }: { readOnly: boolean }): void {
    if (this.#mountCall()(cString(source), cString(target), null, MS_BIND | MS_REC, null)) {
      throw new SmolvmError("volume", `Cannot bind "${source}": ${this.#lastError()}`);
    }
    const { noSetId, noDevices } = MOUNT_ATTR;
    this.#restrict(target, noSetId | noDevices | (readOnly ? MOUNT_ATTR.readOnly : 0n), { recursive: true });
  }

  /** Binds a file or folder at `target` without submounts, with `noexec`, `nosuid` and, unless `device`, `nodev`. */
  bindInJail(source: string, target: string, { readOnly = false, device = false }): void {
    if (this.#mountCall()(cString(source), cString(target), null, MS_BIND, null)) {
      throw new SmolvmError("jail", `Cannot bind "${source}" in the jail: ${this.#lastError()}`);
    }
    const { noSetId, noDevices, noPrograms } = MOUNT_ATTR;
    const attributes = noSetId | noPrograms | (device ? 0n : noDevices) | (readOnly ? MOUNT_ATTR.readOnly : 0n);
    this.#restrict(target, attributes, { recursive: false });
  }

  /** Makes the mount at `target` read-only; with `recursive`, every mount below it too. */
  makeReadOnly(target: string, options: { recursive: boolean }): void {
    this.#restrict(target, MOUNT_ATTR.readOnly, options);
  }

  #restrict(target: string, attributes: bigint, { recursive }: { recursive: boolean }): void {
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
    const mountAttr = new BigUint64Array([attributes, 0n, 0n, 0n]);
    const { syscall } = this.#linuxCalls();
    const flags = recursive ? AT_RECURSIVE : 0n;
    if (syscall(SYS_MOUNT_SETATTR, AT_FDCWD, cString(target), flags, mountAttr, 32n) === 0n) return;
    const errno = this.#errno();
    throw new SmolvmError("volume", `Cannot restrict the mount at "${target}": ${describeErrno(errno)}`, {
      hint: errno === ENOSYS ? "Read-only mounts need Linux 5.12 or later." : undefined,
    });
  }

  /** Makes the mount at `root` the root of all threads of this process, and unmounts the old root. */
  pivotRoot(root: string): void {
    const { pivotRoot, umount2 } = this.#linuxCalls();
    const here = cString(".");
    const failed = this.#libc.chdir(cString(root)) !== 0 ||
      // pivot_root(".", ".") stacks the old root on the new one, so that umount2 detaches the old one.
      pivotRoot(SYS_PIVOT_ROOT, here, here) !== 0n || umount2(here, MNT_DETACH) !== 0 ||
      this.#libc.chdir(cString("/")) !== 0;
    if (failed) throw new SmolvmError("jail", `Cannot enter the jail's root: ${this.#lastError()}`);
  }

  /**
   * Installs a seccomp(2) filter for all threads of this process; it cannot be removed. An ordinary user needs
   * `no_new_privs` for it, which `smolvm-jail` has set.
   *
   * @throws {SmolvmError} `jail`.
   */
  filterSystemCalls(program: Uint8Array): void {
    const { seccomp } = this.#linuxCalls();
    // struct sock_fprog, a count of instructions and a pointer to them, followed by the instructions.
    const filter = new Uint8Array(16 + program.length);
    filter.set(program, 16);
    const header = new DataView(filter.buffer);
    header.setUint16(0, program.length / 8, true);
    // SAFETY: the pointer points into the buffer that is passed itself; the kernel copies it during the call.
    header.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter)) + 16n, true);
    if (seccomp(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, filter) === 0n) return;
    throw new SmolvmError("jail", `Cannot filter the system calls of the VM's process: ${this.#lastError()}`);
  }

  /** Writes all of `data` to a descriptor that is not a Deno resource, and closes it. */
  writeAndClose(fd: number, data: Uint8Array): void {
    for (let at = 0; at < data.length;) {
      const rest = data.slice(at);
      const written = Number(this.#libc.write(fd, rest, BigInt(rest.length)));
      if (written < 0) throw new SmolvmError("internal", `Cannot write to descriptor ${fd}: ${this.#lastError()}`);
      at += written;
    }
    this.#libc.close(fd);
  }

  /** Exits at once. The parent sees only the lowest byte of the status. */
  exit(status: number): never {
    this.#libc._exit(status);
    throw new SmolvmError("internal", "_exit returned");
  }

  /** Puts the terminal of standard input into raw mode: it passes every byte unchanged in both directions. */
  makeTerminalRaw(): void {
    // `struct termios` has 60 bytes on Linux, 72 on macOS.
    const settings = new Uint8Array(128);
    const isTerminal = this.#libc.tcgetattr(0, settings) === 0;
    this.#libc.cfmakeraw(settings);
    if (isTerminal && this.#libc.tcsetattr(0, 0, settings) === 0) return;
    throw new SmolvmError("internal", `Cannot set up the terminal: ${this.#lastError()}`);
  }

  #mountCall() {
    return this.#linuxCalls().mount;
  }

  #linuxCalls() {
    if (!this.#linux) throw new SmolvmError("internal", "Mounts exist on Linux only");
    return this.#linux;
  }

  #errno(): number {
    return this.#errnoLocation ? new Deno.UnsafePointerView(this.#errnoLocation).getInt32() : 0;
  }

  #lastError(): string {
    return describeErrno(this.#errno());
  }
}

/** `text` with a terminating NUL. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new SmolvmError("usage", `Cannot pass ${JSON.stringify(text)} to C: it holds a NUL`);
  return new TextEncoder().encode(`${text}\0`);
}
