import { SmolvmError } from "../errors.ts";
import { openLibrary } from "./native_library.ts";

/**
 * Reads signals that Deno cannot handle or uses itself. The launcher starts this process with them blocked
 * (`src/jail/helper/signals.c`). Linux only.
 *
 * @module
 */

const SFD_CLOEXEC = 0o2000000;
/** Size of a sigset_t, in bytes. */
const SET_BYTES = 128;
/** Size of a struct signalfd_siginfo, which starts with the signal's number, in bytes. */
const INFO_BYTES = 128;

/** Whether this process was started with a signal blocked. */
export function isSignalBlocked(number: number): boolean {
  if (Deno.build.os !== "linux") return false;
  const [, mask] = /^SigBlk:\t([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))!;
  return (BigInt(`0x${mask}`) >> BigInt(number - 1) & 1n) === 1n;
}

/**
 * Yields the numbers of blocked signals as they arrive, including signals that are already pending.
 *
 * @throws {SmolvmError} `internal`.
 */
export async function* blockedSignals(numbers: readonly number[]): AsyncGenerator<number> {
  const { signalfd, read } = openLibrary("libc.so.6", {
    signalfd: { parameters: ["i32", "buffer", "i32"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  });
  const set = new Uint8Array(SET_BYTES);
  for (const number of numbers) set[(number - 1) >> 3]! |= 1 << ((number - 1) & 7);
  const fd = signalfd(-1, set, SFD_CLOEXEC);
  if (fd < 0) throw new SmolvmError("internal", "Cannot read signals");
  const info = new Uint8Array(INFO_BYTES);
  const number = new DataView(info.buffer);
  // SAFETY: the buffer lives until the call returns.
  while (await read(fd, info, BigInt(INFO_BYTES)) === BigInt(INFO_BYTES)) yield number.getUint32(0, true);
}
