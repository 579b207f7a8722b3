import { readKernelFile } from "./by_sh.ts";

/** What a process uses of this host. */
export interface ProcessUsage {
  /** Processor time so far, all of its threads', in ms. */
  cpuMs: number;
  /** Memory of the host that it holds at present. */
  residentBytes: number;
}

/** Ticks of processor time that Linux shows in a second, on every architecture that smolvm runs on. */
const TICKS_PER_S = 100;

/** What a process uses; `undefined` when there is none with that id. */
export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    return Deno.build.os === "linux" ? linuxUsage(pid) : macosUsage(pid);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined; // It has ended meanwhile.
  }
}

function linuxUsage(pid: number): ProcessUsage | undefined {
  const stat = readKernelFile(`/proc/${pid}/stat`);
  // proc_pid_stat(5), from its third field on: the second is a name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [, kib] = /^VmRSS:\s*(\d+) kB$/m.exec(readKernelFile(`/proc/${pid}/status`)) ?? [];
  // A zombie holds none.
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

/** Reads what macOS's `ps -o rss=,time=` says: KiB, and minutes and seconds, after hours if there are any. */
export function parsePs(text: string): ProcessUsage | undefined {
  const [, kib, time] = /^\s*(\d+)\s+([\d:.]+)\s*$/.exec(text) ?? [];
  if (kib === undefined) return undefined;
  const seconds = time!.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuMs: seconds * 1000, residentBytes: Number(kib) * 1024 };
}
