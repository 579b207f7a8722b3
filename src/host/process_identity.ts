import { killProcessId, readKernelFile } from "./by_sh.ts";

/** A process that cannot be mistaken for a later one with the same process id. */
export interface ProcessIdentity {
  /** Process id. */
  pid: number;
  /** When it started, as this host counts that; compared for equality only. */
  startTime: string;
}

/** The identity of a running process; `undefined` when there is none with that id. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startTime = Deno.build.os === "linux" ? linuxStartTime(pid) : macosStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Whether that very process still runs. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return identifyProcess(pid)?.startTime === startTime;
}

/** How long the kernel may take to end a process that is about to: it gives back the memory of a VM first. */
const DEATH_MS = 10_000;
const POLL_MS = 5;

/**
 * Sends SIGKILL to that very process, and settles when it is gone; `false` when it had ended, whoever has its process
 * id now.
 */
export async function killProcess(identity: ProcessIdentity): Promise<boolean> {
  if (!isAlive(identity)) return false;
  try {
    killProcessId(identity.pid);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  await awaitDeath(identity);
  return true;
}

/** Settles when a process that is about to end is gone, and with it all that it held; after 10 s in any case. */
export async function awaitDeath(identity: ProcessIdentity): Promise<void> {
  const deadline = performance.now() + DEATH_MS;
  while (isAlive(identity) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

let bootId: string | undefined;

/** Ticks since the boot, and which boot: proc_pid_stat(5), field 22; fields 3 and 20 are its state and its threads. */
function linuxStartTime(pid: number): string | undefined {
  try {
    const stat = readKernelFile(`/proc/${pid}/stat`);
    // The second field is the program's name in parentheses, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, threads, ticks] = [fields[0], Number(fields[17]), fields[19]];
    // A zombie runs no more; but the first thread is one while others may still hold the files that all share.
    return state === "Z" && threads <= 1
      ? undefined
      : `${bootId ??= readKernelFile("/proc/sys/kernel/random/boot_id").trim()}:${ticks}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

function macosStartTime(pid: number): string | undefined {
  const { success, stdout } = new Deno.Command("ps", {
    args: ["-o", "lstart=", "-p", String(pid)],
    env: { LC_ALL: "C" },
    stderr: "null",
  }).outputSync();
  return success ? new TextDecoder().decode(stdout).trim() || undefined : undefined;
}
