import { SmolvmError } from "../errors.ts";
import { killProcessId, readKernelFile } from "./by_sh.ts";
import { sleep } from "./sleep.ts";

/** Identifies a process, even if a later one gets the same process id. */
export interface ProcessIdentity {
  /** Process id. */
  pid: number;
  /** When it started, in the OS's format; compared for equality only. */
  startTime: string;
}

/** The identity of a running process; `undefined` when there is no process with this id. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startTime = Deno.build.os === "linux" ? linuxStartTime(pid) : macosStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Whether this process still runs. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return identifyProcess(pid)?.startTime === startTime;
}

/** The time that the kernel may need to end a killed process, because it frees the memory of a VM first. */
const DEATH_MS = 10_000;
const POLL_MS = 5;

/**
 * Sends SIGKILL to a process and settles when it is gone; `false` when it had already ended, even if another process
 * has its id now.
 *
 * @throws {SmolvmError} `machine-state` when it belongs to another user.
 */
export async function killProcess(identity: ProcessIdentity): Promise<boolean> {
  if (!isAlive(identity)) return false;
  try {
    killProcessId(identity.pid);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new SmolvmError("machine-state", `Cannot kill process ${identity.pid}: it belongs to another user`, {
      cause: error,
    });
  }
  await awaitDeath(identity);
  return true;
}

/** Settles when an ending process is gone and its resources are freed, or after 10 s. */
export async function awaitDeath(identity: ProcessIdentity): Promise<void> {
  const deadline = performance.now() + DEATH_MS;
  while (isAlive(identity) && performance.now() < deadline) {
    await sleep(POLL_MS);
  }
}

let bootId: string | undefined;

/** The boot id and the ticks since boot. proc_pid_stat(5): field 3 is the state, 20 the threads, 22 the start time. */
function linuxStartTime(pid: number): string | undefined {
  try {
    const stat = readKernelFile(`/proc/${pid}/stat`);
    // The second field is the program's name in parentheses, which may contain anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, threads, ticks] = [fields[0], Number(fields[17]), fields[19]];
    // A zombie has ended, unless it is only the main thread: other threads may still hold the shared files.
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
