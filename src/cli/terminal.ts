import { SmolvmError } from "../errors.ts";
import type { WindowSize } from "../machine/launch.ts";

/**
 * The terminal's size, for a command that runs on it.
 *
 * @throws {SmolvmError} `usage` when there is no terminal.
 */
export function requireTerminal({ interactive }: { interactive: boolean }): WindowSize {
  for (
    const [stream, name] of [[Deno.stdout, "output"], ...(interactive ? [[Deno.stdin, "input"] as const] : [])] as const
  ) {
    if (stream.isTerminal()) continue;
    throw new SmolvmError("usage", `Cannot use --tty: standard ${name} is not a terminal`, {
      hint: "Leave --tty (-t) out when input or output is a file or a pipe.",
    });
  }
  return Deno.consoleSize();
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
