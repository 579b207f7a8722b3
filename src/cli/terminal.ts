import { SmolvmError } from "../errors.ts";
import type { WindowSize } from "../machine/launch.ts";
import { DEFAULT_TERMINAL_SIZE } from "../machine/unseen_terminal.ts";

/**
 * The size of the terminal for `--tty`. As with docker, only input that is passed on has to be a terminal; output may be
 * a file or a pipe.
 *
 * @throws {SmolvmError} `usage` when input is passed on that is not a terminal.
 */
export function requireTerminal({ interactive }: { interactive: boolean }): WindowSize {
  if (interactive && !Deno.stdin.isTerminal()) {
    throw new SmolvmError("usage", "Cannot use --tty with --interactive: standard input is not a terminal", {
      hint: "Leave --tty (-t) out when input is a file or a pipe.",
    });
  }
  return terminalSize();
}

/** The size of the terminal that any of the standard streams is, else the size of one that nobody sees. */
export function terminalSize(): WindowSize {
  const streams = [Deno.stdin, Deno.stdout, Deno.stderr];
  return streams.some((stream) => stream.isTerminal()) ? Deno.consoleSize() : DEFAULT_TERMINAL_SIZE;
}

/** The columns of the terminal that a stream is; none when it is none, or does not say. */
export function columnsOf(stream: typeof Deno.stdout): number | undefined {
  return stream.isTerminal() && Deno.consoleSize().columns || undefined;
}

/** Joins the terminal to the guest's, key by key and byte by byte, until it is disposed of; it is then as it was. */
export function rawTerminal(): Disposable {
  Deno.stdin.setRaw(true);
  // Deno leaves the processing of output on: the guest's terminal has done that, and what its programs mean by a line
  // feed would change. Deno remembers the settings from before.
  new Deno.Command("stty", { args: ["-opost"], stdin: "inherit", stdout: "null", stderr: "null" }).outputSync();
  return { [Symbol.dispose]: () => Deno.stdin.setRaw(false) };
}
