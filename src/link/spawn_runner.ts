import { SmolvmError } from "../errors.ts";
import { killChild } from "../host/child_process.ts";
import { LIB_HINT } from "../host/lib_folder.ts";
import { osReason } from "../host/os_error.ts";
import { jailPrefix, type JailPrefixOptions, jailProgram } from "../jail/prefix.ts";
import { log } from "../log.ts";
import { roleCommand } from "../runner/entry.ts";
import { isAnyWaiting } from "../state/warm.ts";

/** A runner that was started before anyone knew what for. */
let spare: { process: Deno.ChildProcess; prefix: readonly string[] } | undefined;

/**
 * Starts a runner for a command line that is still to be read, so that its runtime boots meanwhile. `confinement` is
 * a guess: a wrong one costs the head start. What stands before an ordinary user's depends on what is to be
 * run, so that there is none for them. Nor is there one where a warm machine waits for what is ephemeral.
 */
export function startSpareRunner(confinement: JailPrefixOptions, { isEphemeral }: { isEphemeral: boolean }): void {
  if (Deno.build.os === "linux" && Deno.uid() !== 0 || isEphemeral && isAnyWaiting()) return;
  const prefix = jailPrefix(confinement);
  try {
    spare = { process: spawn(prefix), prefix };
  } catch {
    // Who needs a runner is told why there is none.
  }
}

/**
 * A process that waits for a runner's specification behind that prefix: the spare one if it will do, else a new one.
 *
 * @throws {SmolvmError} `dependency` when it cannot be started.
 */
export function spawnRunner(prefix: readonly string[]): Deno.ChildProcess {
  if (spare === undefined || prefix.join("\0") !== spare.prefix.join("\0")) return spawn(prefix);
  const { process } = spare;
  spare = undefined;
  return process;
}

/** Ends the spare runner, if nobody took it. */
export async function dismissSpareRunner(): Promise<void> {
  if (spare === undefined) return;
  // smolvm-jail ends when what it has started has.
  killChild(spare.process, "SIGUSR1");
  await spare.process.status;
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
      hint: command === jailProgram() ? LIB_HINT : undefined,
    });
  }
}
