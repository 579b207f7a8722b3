import { SmolvmError } from "../errors.ts";
import { describeErrno } from "../errno.ts";
import { listenGuard } from "./listen_guard.ts";
import { type NativeFunctions, openLibrary } from "./native_library.ts";

const MS_BIND = 4096n;
const MS_REC = 16384n;
const SYS_MOUNT_SETATTR = 442n;
const AT_FDCWD = -100n;
const AT_RECURSIVE = 0x8000n;
const MOUNT_ATTR_RDONLY = 1n;
const ENOSYS = 38;
const PR_SET_NO_NEW_PRIVS = 38;
const SYS_SECCOMP = Deno.build.arch === "x86_64" ? 317n : 277n;
const SECCOMP_SET_MODE_FILTER = 1n;
const SECCOMP_FILTER_FLAG_TSYNC = 1n;

const FUNCTIONS = {
  creat: { parameters: ["buffer", "u32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies NativeFunctions;

const LINUX_FUNCTIONS = {
  __errno_location: { parameters: [], result: "pointer" },
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "buffer", "i64", "buffer", "i64"], result: "i64" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  seccomp: { name: "syscall", parameters: ["i64", "u64", "u64", "buffer"], result: "i64" },
} as const satisfies NativeFunctions;

/** The calls of the C library that Deno has no API for. Only the runner loads it. */
export class Libc {
  readonly #libc = openLibrary(Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6", FUNCTIONS);
  readonly #linux = Deno.build.os === "linux" ? openLibrary("libc.so.6", LINUX_FUNCTIONS) : undefined;

  /** Opens `path` for writing, created or emptied; returns the descriptor, which the caller owns. */
  creat(path: string): number {
    // SAFETY: the buffer of a synchronous call lives until it returns; so with every call below.
    const fd = this.#libc.creat(cString(path), 0o600);
    if (fd < 0) throw new SmolvmError("storage", `Cannot create the log "${path}": ${this.#lastError()}`);
    return fd;
  }

  dup2(from: number, to: number): void {
    if (this.#libc.dup2(from, to) < 0) {
      throw new SmolvmError("internal", `Cannot redirect descriptor ${to}: ${this.#lastError()}`);
    }
  }

  /** Raises the soft limit of open files to the hard one: virtiofs holds a descriptor for each file the guest knows. */
  raiseOpenFilesLimit(): void {
    const RLIMIT_NOFILE = Deno.build.os === "darwin" ? 8 : 7;
    const limits = new BigUint64Array(2);
    if (this.#libc.getrlimit(RLIMIT_NOFILE, limits) < 0) return;
    // macOS calls its hard limit infinite and refuses to set more than OPEN_MAX.
    const most = Deno.build.os === "darwin" ? 10_240n : limits[1]!;
    if (limits[0]! >= most) return;
    limits[0] = most;
    this.#libc.setrlimit(RLIMIT_NOFILE, limits);
  }

  /** Mounts an empty file system in memory, in the mount namespace of this process. */
  mountTmpfs(target: string): void {
    const failed = this.#mountCall()(cString("tmpfs"), cString(target), cString("tmpfs"), 0n, cString("mode=755"));
    if (failed) throw new SmolvmError("internal", `Cannot mount a tmpfs at "${target}": ${this.#lastError()}`);
  }

  /** Binds the folder `source`, with what is mounted below it, at `target`. */
  bind(source: string, target: string, { readOnly }: { readOnly: boolean }): void {
    if (this.#mountCall()(cString(source), cString(target), null, MS_BIND | MS_REC, null)) {
      throw new SmolvmError("volume", `Cannot bind "${source}": ${this.#lastError()}`);
    }
    if (readOnly) this.makeReadOnly(target, { recursive: true });
  }

  /** Makes the mount at `target` read-only, and with `recursive` every mount below it. */
  makeReadOnly(target: string, { recursive }: { recursive: boolean }): void {
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
    const attributes = new BigUint64Array([MOUNT_ATTR_RDONLY, 0n, 0n, 0n]);
    const { syscall } = this.#linuxCalls();
    const flags = recursive ? AT_RECURSIVE : 0n;
    if (syscall(SYS_MOUNT_SETATTR, AT_FDCWD, cString(target), flags, attributes, 32n) === 0n) return;
    const errno = this.#errno();
    throw new SmolvmError("volume", `Cannot make "${target}" read-only: ${describeErrno(errno)}`, {
      hint: errno === ENOSYS ? "Read-only mounts need Linux 5.12 or later." : undefined,
    });
  }

  /** From here on nothing in this process can listen that does not yet: bind() does nothing and listen() fails with EPERM. */
  forbidListening(): void {
    const { prctl, seccomp } = this.#linuxCalls();
    const program = listenGuard();
    // struct sock_fprog, a count of instructions and a pointer to them, with these right behind it.
    const filter = new Uint8Array(16 + program.length);
    filter.set(program, 16);
    const header = new DataView(filter.buffer);
    header.setUint16(0, program.length / 8, true);
    // SAFETY: the pointer leads into the buffer that is passed itself, and nowhere once the kernel has its copy.
    header.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter)) + 16n, true);
    const failed = prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0 ||
      seccomp(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, filter) !== 0n;
    if (failed) throw new SmolvmError("internal", `Cannot keep the guest off the host's ports: ${this.#lastError()}`);
  }

  #mountCall() {
    return this.#linuxCalls().mount;
  }

  #linuxCalls() {
    if (!this.#linux) throw new SmolvmError("internal", "Mounts exist on Linux only");
    return this.#linux;
  }

  #errno(): number {
    const location = this.#linux?.__errno_location();
    return location ? new Deno.UnsafePointerView(location).getInt32() : 0;
  }

  #lastError(): string {
    return describeErrno(this.#errno());
  }
}

/** `text` with the NUL that C wants. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new SmolvmError("usage", `Cannot pass ${JSON.stringify(text)} to C: it holds a NUL`);
  return new TextEncoder().encode(`${text}\0`);
}
