import { SmolvmError } from "../errors.ts";
import { readChunks, writeAll } from "../host/streams.ts";
import type { AttachedCommand, Attachment, CommandIo, ExitStatus } from "../machine/attached.ts";
import { exitCode } from "../machine/exit_code.ts";
import type { WindowSize } from "../machine/launch.ts";
import { untilDetached } from "./detach_keys.ts";
import type { StatusLine } from "./output/status_line.ts";
import { endsProcess, FORWARDED, onResize, onSignals } from "./signals.ts";
import { rawTerminal } from "./terminal.ts";

/** How many times INT or TERM must come to end a command that does not heed them. */
const FORCE_AFTER = 3;

/** How this process takes part in a command in a machine. */
export interface SessionOptions {
  /** Size of the terminal that the command runs on, if it does. */
  terminal: WindowSize | undefined;
  /** Whether the command has this process's input. */
  stdin: boolean;
  /** Shows what is waited for; it is gone when the command runs. */
  status?: StatusLine | undefined;
  /** How long the command may run, in seconds. */
  timeoutS?: number | undefined;
  /** Ends the machine when the user insists, and it does not end by being let go of. */
  end?: () => Promise<void>;
  /** Whether signals go to the command; else those that end a process end this one's part in it. */
  signals?: boolean;
  /** What to type to leave the command to itself, where that is possible. */
  detachKeys?: Uint8Array;
}

/**
 * Starts a command in a machine and gives it this process's streams and signals; returns the exit code.
 *
 * @throws {SmolvmError} when it cannot be started; `timeout`.
 */
export async function attend(
  start: (io: CommandIo) => Promise<AttachedCommand>,
  { terminal, stdin, status: line, timeoutS, end: endMachine, signals: forwards = true, detachKeys }: SessionOptions,
): Promise<number> {
  const detached = Promise.withResolvers<ExitStatus>();
  const detach = () => detached.resolve({ code: 0 });
  const input = detachKeys ? untilDetached(readChunks(Deno.stdin), detachKeys, detach) : readChunks(Deno.stdin);
  const end = Promise.withResolvers<ExitStatus>();
  let running: Attachment | undefined;
  let insisted = 0;
  using whileStarting = new DisposableStack();
  whileStarting.use(line);
  whileStarting.use(onSignals((signal) => {
    if (forwards) running?.signal(FORWARDED[signal]);
    if (signal === "SIGINT" || signal === "SIGTERM") insisted++;
    const ends = running && forwards ? insisted === FORCE_AFTER : endsProcess(signal);
    if (ends) end.resolve({ signal: FORWARDED[signal] });
  }));
  const started = await Promise.race([
    start({
      stdin: stdin ? input : undefined,
      stdout: (data) => writeAll(Deno.stdout, data),
      stderr: (data) => writeAll(Deno.stderr, data),
    }),
    end.promise,
  ]);
  // The user ended it, and what was begun ends with this process.
  if (!("attachment" in started)) return exitCode(started);
  await using command = started;
  const { attachment } = command;
  // They end before the command does.
  using whileRunning = whileStarting.move();
  attachment.started.then(() => {
    // The user ended it while it booted, and it is on its way out.
    if (whileRunning.disposed) return;
    running = attachment;
    line?.clear();
    if (terminal) {
      // A command that reads no keys is interrupted as any other is: by the signal that the terminal makes of Ctrl-C.
      if (stdin) whileRunning.use(rawTerminal());
      // A command that runs already has another terminal's size.
      attachment.resize(terminal);
      whileRunning.use(onResize(() => attachment.resize(Deno.consoleSize())));
    }
    if (timeoutS === undefined) return;
    const late = new SmolvmError("timeout", `The command ran longer than ${timeoutS} s`);
    const timer = setTimeout(() => end.reject(late), timeoutS * 1000);
    whileRunning.defer(() => clearTimeout(timer));
  });
  const finished = command.finish();
  // Whichever comes first: leaving this scope ends what ends with this process, if it still runs.
  const status = await Promise.race([
    finished,
    detached.promise,
    end.promise.then(async (status) => {
      await endMachine?.();
      return status;
    }),
  ]);
  return exitCode(status);
}
