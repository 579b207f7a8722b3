import { SmolvmError } from "../errors.ts";
import { LIB_HINT } from "../host/lib_folder.ts";
import { osReason } from "../host/os_error.ts";
import { jailProgram } from "../jail/prefix.ts";
import { log } from "../log.ts";
import { roleCommand } from "../runner/entry.ts";

/**
 * Starts a runner, with `prefix` before its command, that waits for its specification.
 *
 * @throws {SmolvmError} `dependency` when it cannot be started.
 */
export function spawnRunner(prefix: readonly string[]): Deno.ChildProcess {
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
      // In its own session: this process forwards Ctrl-C at the terminal to the guest's command.
      detached: true,
    }).spawn();
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot start the VM process with "${command}": ${osReason(error)}`, {
      cause: error,
      hint: command === jailProgram() ? LIB_HINT : undefined,
    });
  }
}
