import { cString } from "./libc.ts";
import { type NativeFunctions, openLibrary } from "./native_library.ts";

// Linux's values; O_NOFOLLOW differs between x64 and arm64.
const O_PATH = 0o10000000;
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
const O_CLOEXEC = 0o2000000;

const FUNCTIONS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies NativeFunctions;

let libc: Deno.DynamicLibrary<typeof FUNCTIONS>["symbols"] | undefined;

/**
 * A file or folder that is held open, so that moving it or replacing its path by a symlink has no effect: in a folder
 * that a guest can write to, a path may change after it was checked. On macOS it is only the path, which is not safe.
 */
export interface PinnedFile extends Disposable {
  /** A path to it; for a folder, names may be appended. */
  readonly path: string;
  /** The file's status, or the symlink's own status if a symlink was pinned. */
  status(): Deno.FileInfo;
}

/**
 * Pins the file at a path; a symlink itself unless `followLink`.
 *
 * @throws what `Deno.lstat` throws.
 */
export function pinFile(path: string, { followLink = false } = {}): PinnedFile {
  if (Deno.build.os !== "linux") {
    const pinned = followLink ? Deno.realPathSync(path) : path;
    return { path: pinned, status: () => Deno.lstatSync(pinned), [Symbol.dispose]() {} };
  }
  libc ??= openLibrary("libc.so.6", FUNCTIONS);
  const { open, close } = libc;
  // SAFETY: the buffer of a synchronous call lives until it returns.
  const fd = open(cString(path), O_PATH | O_CLOEXEC | (followLink ? 0 : O_NOFOLLOW));
  if (fd < 0) throw openError(path, followLink);
  const pinned = `/proc/self/fd/${fd}`;
  return { path: pinned, status: () => Deno.statSync(pinned), [Symbol.dispose]: () => void close(fd) };
}

/** Deno's error for the same file: FFI returns no error object. */
function openError(path: string, followLink: boolean): unknown {
  try {
    if (followLink) Deno.statSync(path);
    else Deno.lstatSync(path);
    return new Error("Too many open files");
  } catch (error) {
    return error;
  }
}
