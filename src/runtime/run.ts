import { AttachedMachine } from "../machine/attached.ts";
import { describeMachine } from "../machine/describe.ts";
import { ephemeralFolders, launchOf } from "../machine/launch.ts";
import { hostOptions } from "../machine/start.ts";
import { GuestCommand, type StreamOptions } from "./guest_command.ts";
import { bootTimeout, type CommandLine, describe, type MachineSettings } from "./options.ts";

/** How {@linkcode Machine.run} runs its command. */
export interface RunOptions extends MachineSettings, StreamOptions {
  /** How long the guest may take to boot, in ms; default: 60 s. */
  bootTimeoutMs?: number | undefined;
}

/** Boots a machine for a command. Separate from the class `Machine`, whose imports `smolvm run` does not need. */
export function startRun(source: string, command: CommandLine, options: RunOptions): GuestCommand {
  return new GuestCommand(async (io, signal) => {
    const stdin = options.stdin !== undefined;
    const tty = options.terminal !== undefined;
    const description = await describe({ ...options, source, command, tty, stdin, signal });
    const { machine, root } = await describeMachine(description, { boots: true });
    const { isJailed } = await hostOptions(machine);
    using launch = launchOf(machine, root, ephemeralFolders(machine.id), {
      ephemeral: true,
      held: true,
      isJailed,
      attached: true,
      terminal: options.terminal,
      stdin,
      bootTimeoutMs: bootTimeout(options.bootTimeoutMs),
      onPhase: options.onPhase,
    });
    return await AttachedMachine.start(launch, io, signal);
  }, options);
}
