import { SmolvmError } from "../errors.ts";
import { readChunks } from "../host/streams.ts";
import { startTimer } from "../host/timer.ts";
import type { GuestCommand, StreamOptions, WindowSize } from "../mod.ts";
import { untilDetached } from "./detach_keys.ts";
import { OutputError, passOn, printError } from "./output/print.ts";
import type { StatusLine } from "./output/status_line.ts";
import { endsProcess, FORWARDED, onResize, onSignals } from "./signals.ts";
import { rawTerminal, terminalSize } from "./terminal.ts";

/** How many times INT or TERM must come to end a command that does not heed them. */
const FORCE_AFTER = 3;

const OUT_OF_MEMORY = "smolvm: The guest ran out of memory, and its kernel killed a process: see --memory";

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
 * Gives a command in a machine this process's streams and signals; returns the exit code.
 *
 * @param start begins it with such streams
 * @throws {SmolvmError} when it cannot be started, or its output cannot be written; `timeout`.
 */
export async function attend(
  start: (streams: StreamOptions) => GuestCommand,
  { terminal, stdin, status: line, timeoutS, end: endMachine, signals: forwards = true, detachKeys }: SessionOptions,
): Promise<number> {
  const detached = Promise.withResolvers<number>();
  const detach = () => detached.resolve(0);
  const input = detachKeys ? untilDetached(readChunks(Deno.stdin), detachKeys, detach) : readChunks(Deno.stdin);
  await using command = start({
    stdin: stdin ? input : undefined,
    stdout: (data) => write("stdout", data),
    stderr: (data) => write("stderr", data),
    terminal,
  });
  async function write(stream: "stdout" | "stderr", data: Uint8Array): Promise<void> {
    await ready;
    try {
      await passOn(stream, data);
    } catch (error) {
      // A reader that has gone is the command's to heed; output that is lost must not look like success.
      if (error instanceof OutputError) end.reject(error);
      throw error;
    }
  }
  using whileAttached = new DisposableStack();
  let outOfMemory = false;
  // Once the terminal is restored.
  whileAttached.defer(() => outOfMemory && printError(OUT_OF_MEMORY));
  whileAttached.use(line);
  const end = Promise.withResolvers<number>();
  let running = false;
  let insisted = 0;
  whileAttached.use(onSignals((signal) => {
    if (running && forwards) command.kill(signal);
    if (signal === "SIGINT" || signal === "SIGTERM") insisted++;
    const ends = running && forwards ? insisted === FORCE_AFTER : endsProcess(signal);
    if (ends) end.resolve(128 + FORWARDED[signal]);
  }));
  // Nothing is written before the terminal is the command's.
  const ready = command.started.then(() => {
    // The user ended it while it booted, and it is on its way out.
    if (whileAttached.disposed) return;
    running = true;
    line?.clear();
    if (terminal) {
      // A command that reads no keys is interrupted as any other is: by the signal that the terminal makes of Ctrl-C.
      if (stdin && Deno.stdin.isTerminal()) whileAttached.use(rawTerminal());
      // A command that runs already has another terminal's size.
      command.resize(terminal);
      whileAttached.use(onResize(() => command.resize(terminalSize())));
    }
    if (timeoutS === undefined) return;
    const late = new SmolvmError("timeout", `The command ran longer than ${timeoutS} s`);
    whileAttached.use(startTimer(timeoutS * 1000, () => end.reject(late)));
  });
  ready.catch(() => {
    // Its status says why it could not be started.
  });
  // Whichever comes first: leaving this scope ends what ends with this process, if it still runs.
  return await Promise.race([
    command.status.then(({ code, oomKilled }) => {
      outOfMemory = oomKilled;
      return code;
    }),
    detached.promise,
    end.promise.then(async (code) => {
      await endMachine?.();
      return code;
    }),
  ]);
}
