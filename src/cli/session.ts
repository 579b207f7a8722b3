import { SmolvmError } from "../errors.ts";
import type { AttachedMachine, ExitStatus } from "../machine/attached.ts";
import type { CommandIo } from "../machine/attachment.ts";
import type { WindowSize } from "../machine/launch.ts";
import { FORWARDED, type ForwardedSignal, onResize, onSignals } from "./signals.ts";
import { rawTerminal, stdinChunks, writeAll } from "./terminal.ts";

/** How many times INT or TERM must come to end a command that does not heed them. */
const FORCE_AFTER = 3;
/** The signals that end a machine whose command does not run yet. */
const ENDS_BOOT: readonly ForwardedSignal[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** How this process takes part in a machine's command. */
export interface SessionOptions {
  /** Size of the terminal that the command runs on, if it does. */
  terminal: WindowSize | undefined;
  /** Whether the command has this process's input. */
  stdin: boolean;
  /** How long the command may run, in seconds. */
  timeoutS?: number | undefined;
  /** Ends the machine when the user insists, and it does not end by being let go of. */
  end?: () => Promise<void>;
}

/**
 * Starts a machine and gives its command this process's streams and signals; returns the exit code.
 *
 * @throws {SmolvmError} when it cannot be started; `timeout`.
 */
export async function attend(
  start: (io: CommandIo) => Promise<AttachedMachine>,
  { terminal, stdin, timeoutS, end: endMachine }: SessionOptions,
): Promise<number> {
  await using machine = await start({
    stdin: stdin ? stdinChunks() : undefined,
    stdout: (data) => writeAll(Deno.stdout, data),
    stderr: (data) => writeAll(Deno.stderr, data),
  });
  const { attachment } = machine;
  using whileRunning = new DisposableStack();
  const end = Promise.withResolvers<ExitStatus>();
  let running = false;
  let insisted = 0;
  whileRunning.use(onSignals((signal) => {
    if (running) attachment.signal(FORWARDED[signal]);
    if (signal === "SIGINT" || signal === "SIGTERM") insisted++;
    if (running ? insisted === FORCE_AFTER : ENDS_BOOT.includes(signal)) end.resolve({ signal: FORWARDED[signal] });
  }));
  attachment.started.then(() => {
    // The user ended it while it booted, and it is on its way out.
    if (whileRunning.disposed) return;
    running = true;
    if (terminal) {
      // A command that reads no keys is interrupted as any other is: by the signal that the terminal makes of Ctrl-C.
      if (stdin) whileRunning.use(rawTerminal());
      whileRunning.use(onResize(() => attachment.resize(Deno.consoleSize())));
    }
    if (timeoutS === undefined) return;
    const late = new SmolvmError("timeout", `The command ran longer than ${timeoutS} s`);
    const timer = setTimeout(() => end.reject(late), timeoutS * 1000);
    whileRunning.defer(() => clearTimeout(timer));
  });
  const finished = machine.finish();
  // Whichever comes first: leaving this scope ends an ephemeral machine if it still runs.
  const status = await Promise.race([finished, end.promise.then((status) => insist(status, endMachine))]);
  return status.signal === undefined ? status.code : 128 + status.signal;
}

async function insist(status: ExitStatus, end?: () => Promise<void>): Promise<ExitStatus> {
  await end?.();
  return status;
}
