import { SmolvmError } from "../errors.ts";
import { killChild } from "../host/child_process.ts";
import { osReason } from "../host/os_error.ts";
import { log } from "../log.ts";
import { roleCommand } from "../runner/entry.ts";

/** The command that puts root's runner into its namespace, whatever the machine turns out to be. */
const ROOT_PREFIX = Deno.build.os === "linux" ? ["unshare", "--mount", "--"] : [];

let spare: Deno.ChildProcess | undefined;

/**
 * The command in front of a runner that needs no help to see its folders: a mount namespace of its own, inside a user
 * namespace for those who may not make one otherwise. Empty where there are no namespaces.
 */
export function namespacePrefix(): readonly string[] {
  if (Deno.build.os !== "linux" || Deno.uid() === 0) return ROOT_PREFIX;
  return ["unshare", "--user", "--map-root-user", "--mount", "--"];
}

/**
 * Starts a runner before anyone knows what for: its runtime boots while the command line is still being read. An
 * ordinary user's depends on what is to be run, so that there is none for them.
 */
export function startSpareRunner(): void {
  if (namespacePrefix() !== ROOT_PREFIX) return;
  try {
    spare = spawn(ROOT_PREFIX);
  } catch {
    // Whoever needs a runner is told why there is none.
  }
}

/**
 * A process that waits for a runner's specification behind that prefix: the spare one if it will do, else a new one.
 *
 * @throws {SmolvmError} `dependency` when it cannot be started.
 */
export function spawnRunner(prefix: readonly string[]): Deno.ChildProcess {
  if (spare === undefined || prefix !== ROOT_PREFIX) return spawn(prefix);
  const runner = spare;
  spare = undefined;
  return runner;
}

/** Ends the spare runner, if nobody took it. */
export async function dismissSpareRunner(): Promise<void> {
  if (spare === undefined) return;
  killChild(spare, "SIGKILL");
  await spare.status;
  spare = undefined;
}

function spawn(prefix: readonly string[]): Deno.ChildProcess {
  const { argv, env } = roleCommand("runner");
  const [command, ...args] = [...prefix, ...argv];
  log("debug", () => `spawning ${[command, ...args].join(" ")}`);
  try {
    return new Deno.Command(command!, {
      args,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A session of its own: Ctrl-C at the terminal is for the guest's command, by way of us.
      detached: true,
    }).spawn();
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot start the VM process with "${command}": ${osReason(error)}`, {
      cause: error,
      hint: command === "unshare" ? "Install util-linux." : undefined,
    });
  }
}
