import { SmolvmError } from "../errors.ts";
import type { WindowSize } from "../machine/launch.ts";

/** Largest chunk of input sent at once; the guest takes frames of any size, but the window is small. */
const CHUNK_BYTES = 16 * 1024;

/** The chunks of standard input until its end. */
export async function* stdinChunks(): AsyncGenerator<Uint8Array> {
  while (true) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await Deno.stdin.read(chunk);
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}

/** Writes all of `data` to standard output or standard error. */
export async function writeAll(stream: typeof Deno.stdout, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) at += await stream.write(data.subarray(at));
}

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

/** Joins the terminal to the guest's, key by key and byte by byte, until it is disposed of; it is then as it was. */
export function rawTerminal(): Disposable {
  Deno.stdin.setRaw(true);
  // Deno leaves the processing of output on: the guest's terminal has done that, and what its programs mean by a line
  // feed would change. Deno remembers the settings from before.
  new Deno.Command("stty", { args: ["-opost"], stdin: "inherit", stdout: "null", stderr: "null" }).outputSync();
  return { [Symbol.dispose]: () => Deno.stdin.setRaw(false) };
}
