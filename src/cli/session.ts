import { SmolvmError } from "../errors.ts";
import { readChunks } from "../host/streams.ts";
import { startTimer } from "../host/timer.ts";
import type { GuestCommand, StreamOptions, WindowSize } from "../mod.ts";
import { untilDetached } from "./detach_keys.ts";
import { OutputError, printError, writeOutput } from "./output/print.ts";
import type { StatusLine } from "./output/status_line.ts";
import { endsProcess, FORWARDED, onResize, onSignals } from "./signals.ts";
import { rawTerminal, terminalSize } from "./terminal.ts";

/** The number of INT or TERM signals after which smolvm ends a command that ignores them. */
const FORCE_AFTER = 3;

const OUT_OF_MEMORY = "smolvm: The guest ran out of memory, and its kernel killed a process: see --memory";

/** How this process is attached to a command in a machine. */
export interface SessionOptions {
  /** The size of the command's terminal, if it has one. */
  terminal: WindowSize | undefined;
  /** Whether the command reads this process's standard input. */
  stdin: boolean;
  /** The status line to show until the command runs. */
  status?: StatusLine | undefined;
  /** How long the command may run, in seconds. */
  timeoutS?: number | undefined;
  /** Ends the machine when the user repeats a signal, for machines that do not end when this process detaches. */
  end?: () => Promise<void>;
  /** Whether to forward signals to the command; otherwise signals that end a process detach this process. */
  signals?: boolean;
  /** The keys that detach from the command, if detaching is possible. */
  detachKeys?: Uint8Array;
}

/**
 * Connects a command in a machine to this process's streams and signals; returns the exit code.
 *
 * @param start starts the command with these streams
 * @throws {SmolvmError} when the command cannot be started or its output cannot be written; `timeout`.
 */
export async function runSession(
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
      await writeOutput(stream, data);
    } catch (error) {
      // A closed pipe is only reported to the command. Any other error loses output, which must not look like success.
      if (error instanceof OutputError) end.reject(error);
      throw error;
    }
  }
  using whileAttached = new DisposableStack();
  let outOfMemory = false;
  // Runs last, when the terminal is restored.
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
  // Output waits for this promise, so that nothing is written before the terminal is set up.
  const ready = command.started.then(() => {
    // The user interrupted the boot: the command is being ended.
    if (whileAttached.disposed) return;
    running = true;
    line?.clear();
    if (terminal) {
      // Without input, the terminal stays in normal mode, and Ctrl-C interrupts the command with a signal.
      if (stdin && Deno.stdin.isTerminal()) whileAttached.use(rawTerminal());
      // When attaching, the command still has the size of another terminal.
      command.resize(terminal);
      whileAttached.use(onResize(() => command.resize(terminalSize())));
    }
    if (timeoutS === undefined) return;
    const late = new SmolvmError("timeout", `The command ran longer than ${timeoutS} s`);
    whileAttached.use(startTimer(timeoutS * 1000, () => end.reject(late)));
  });
  ready.catch(() => {
    // `command.status` reports why the command could not be started.
  });
  // Returning disposes of `command`, which ends a command that must not outlive this process.
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
