import { cString } from "./libc.ts";
import { type NativeFunctions, openLibrary } from "./native_library.ts";

// Linux's values, on x64 and arm64; of O_NOFOLLOW they have one each.
const O_PATH = 0o10000000;
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
const O_CLOEXEC = 0o2000000;

const FUNCTIONS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies NativeFunctions;

let libc: Deno.DynamicLibrary<typeof FUNCTIONS>["symbols"] | undefined;

/**
 * A file or folder that stays the one it was, whoever moves it or puts a link in its place meanwhile: of a folder that
 * a guest can write to, a path checked is no path to rely on. macOS has nothing like it: there it is the path alone.
 */
export interface PinnedFile extends Disposable {
  /** Leads to it; of a folder also with names behind it. */
  readonly path: string;
  /** What it is: a link, if that is what was there. */
  status(): Deno.FileInfo;
}

/**
 * Pins what is at a path, a link itself unless it is to be followed.
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
  if (fd < 0) throw whyNot(path, followLink);
  const pinned = `/proc/self/fd/${fd}`;
  return { path: pinned, status: () => Deno.statSync(pinned), [Symbol.dispose]: () => void close(fd) };
}

/** Deno's error of the same file: FFI has none. */
function whyNot(path: string, followLink: boolean): unknown {
  try {
    if (followLink) Deno.statSync(path);
    else Deno.lstatSync(path);
    return new Error("Too many open files");
  } catch (error) {
    return error;
  }
}
