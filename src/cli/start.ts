import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { DEFAULT_TERMINAL_SIZE } from "../machine/default_terminal_size.ts";
import type { Machine, Phase, StreamOptions } from "../mod.ts";
import { getMachine } from "./get_machine.ts";
import { machineArguments } from "./machine_argument.ts";
import { bootTimeoutMs } from "./boot_timeout.ts";
import { openStatusLine } from "./output/status_line.ts";
import { printDone } from "./output/print.ts";
import type { StatusLine } from "./output/status_line.ts";
import { runSession } from "./session.ts";
import { untilSignal } from "./signals.ts";
import { forEachMachine } from "./targets.ts";
import { terminalSize } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm start web
  smolvm start web db
  smolvm start --foreground shell`;

/** `smolvm start`. */
export function startCommand(setExitCode: (code: number) => void) {
  return new Command("start")
    .summary("Start machines")
    .description("Start machines; each runs the command it was created with, on its existing disk")
    .addArgument(machineArguments("idle machine"))
    .option("--foreground", "attach to the command, with a terminal if this is one; exit with its code")
    .option("-a, --attach", "attach to the command's output; exit with its code")
    .option("-i, --interactive", "attach to the command, with standard input")
    .addHelpText("after", EXAMPLES)
    .action(async (names, { foreground = false, attach = false, interactive = false }, self) => {
      if (foreground || attach || interactive) {
        const [name, ...others] = names;
        if (name === undefined || others.length > 0) {
          throw new SmolvmError("usage", `Cannot attach to ${names.length} machines at once: name one`);
        }
        const machine = await getMachine(name);
        setExitCode(
          await startAttached(machine, {
            foreground,
            interactive,
            status: openStatusLine(self.optsWithGlobals() as { quiet?: true }),
          }),
        );
      } else {
        setExitCode(await untilSignal((signal) => forEachMachine(names, (machine) => startDetached(machine, signal))));
      }
    });
}

/** Starts a machine in the background and prints that; aborting `signal` cancels the start. */
export async function startDetached(machine: Machine, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { pid, log } = await machine.start({ bootTimeoutMs: bootTimeoutMs(), signal });
  printDone(machine.name, `Started VM: ${machine.name} (PID: ${pid})\nLogs: ${log}`);
}

async function startAttached(
  machine: Machine,
  { foreground, interactive, status }: { foreground: boolean; interactive: boolean; status: StatusLine | undefined },
): Promise<number> {
  const { tty, stdin: hasInput } = (await machine.info()).command;
  const onTerminal = Deno.stdin.isTerminal() && (tty || Deno.stdout.isTerminal());
  // A machine created with --tty always gets a terminal, even if no user sees it.
  const terminal = onTerminal && (foreground || tty) ? terminalSize() : tty ? DEFAULT_TERMINAL_SIZE : undefined;
  const onPhase = (phase: Phase) => status?.show(phase, machine.name);
  const start = (streams: StreamOptions) =>
    machine.startAttached({ ...streams, terminal, bootTimeoutMs: bootTimeoutMs(), onPhase });
  return await runSession(start, {
    terminal: onTerminal ? terminal : undefined,
    stdin: interactive || foreground && (hasInput || onTerminal),
    status,
    end: () => machine.stop({ timeoutMs: 0, force: true }),
  });
}
