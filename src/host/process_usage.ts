import { readKernelFile } from "./by_sh.ts";

/** The host resources that a process uses. */
export interface ProcessUsage {
  /** Processor time of all its threads so far, in ms. */
  cpuMs: number;
  /** Resident memory. */
  residentBytes: number;
}

/** Linux's ticks per second (USER_HZ), on every supported architecture. */
const TICKS_PER_S = 100;

/** The usage of a process; `undefined` when there is no process with this id. */
export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    return Deno.build.os === "linux" ? linuxUsage(pid) : macosUsage(pid);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined; // It has ended.
  }
}

function linuxUsage(pid: number): ProcessUsage | undefined {
  const stat = readKernelFile(`/proc/${pid}/stat`);
  // proc_pid_stat(5), from the third field on: the second is a name in parentheses, which may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [, kib] = /^VmRSS:\s*(\d+) kB$/m.exec(readKernelFile(`/proc/${pid}/status`)) ?? [];
  // A zombie has no memory.
  if (kib === undefined) return undefined;
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { cpuMs: ticks * 1000 / TICKS_PER_S, residentBytes: Number(kib) * 1024 };
}

function macosUsage(pid: number): ProcessUsage | undefined {
  const { stdout } = new Deno.Command("ps", {
    args: ["-o", "rss=,time=", "-p", String(pid)],
    env: { LC_ALL: "C" },
    stderr: "null",
  }).outputSync();
  return parsePs(new TextDecoder().decode(stdout));
}

/** Parses the output of macOS's `ps -o rss=,time=`: KiB and `[hours:]minutes:seconds`. */
export function parsePs(text: string): ProcessUsage | undefined {
  const [, kib, time] = /^\s*(\d+)\s+([\d:.]+)\s*$/.exec(text) ?? [];
  if (kib === undefined) return undefined;
  const seconds = time!.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuMs: seconds * 1000, residentBytes: Number(kib) * 1024 };
}
