import { SmolvmError } from "../errors.ts";
import type { WindowSize } from "../machine/launch.ts";
import { DEFAULT_TERMINAL_SIZE } from "../machine/default_terminal_size.ts";

/**
 * Returns the terminal size for `--tty`. As with docker, standard input must be a terminal only with `--interactive`;
 * output may be a file or a pipe.
 *
 * @throws {SmolvmError} `usage` when `interactive` is set and standard input is not a terminal.
 */
export function requireTerminal({ interactive }: { interactive: boolean }): WindowSize {
  if (interactive && !Deno.stdin.isTerminal()) {
    throw new SmolvmError("usage", "Cannot use --tty with --interactive: standard input is not a terminal", {
      hint: "Leave --tty (-t) out when input is a file or a pipe.",
    });
  }
  return terminalSize();
}

/** Returns the size of the terminal of the standard streams; without one, the default size. */
export function terminalSize(): WindowSize {
  const streams = [Deno.stdin, Deno.stdout, Deno.stderr];
  return streams.some((stream) => stream.isTerminal()) ? Deno.consoleSize() : DEFAULT_TERMINAL_SIZE;
}

/** Returns the width of a stream's terminal; `undefined` if it is not a terminal or its width is unknown. */
export function columnsOf(stream: typeof Deno.stdout): number | undefined {
  return stream.isTerminal() && Deno.consoleSize().columns || undefined;
}

/** Puts the terminal into raw mode until the result is disposed of, which restores it. */
export function rawTerminal(): Disposable {
  Deno.stdin.setRaw(true);
  // Deno leaves output processing on. The guest's terminal has already processed the output; processing it again would
  // change the meaning of line feeds. Deno restores the earlier settings itself.
  new Deno.Command("stty", { args: ["-opost"], stdin: "inherit", stdout: "null", stderr: "null" }).outputSync();
  return { [Symbol.dispose]: () => Deno.stdin.setRaw(false) };
}
