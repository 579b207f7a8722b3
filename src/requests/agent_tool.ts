import type { CommandIo, ExitStatus } from "../machine/attached.ts";
import { AGENT_TOOL } from "../protocol/messages.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { startExec } from "./exec.ts";

/** How much of a line from a tool's standard error to keep, in characters. */
const LINE_MAX = 64 * 1024;

/** A tool of the guest's agent failed; the message is its last line. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  /** The tool's exit status. */
  readonly status: ExitStatus;

  constructor(message: string, status: ExitStatus) {
    super(message);
    this.status = status;
  }
}

/** A tool's input and output. An error of one of these streams ends the tool. */
export interface ToolOptions extends Partial<Pick<CommandIo, "stdin" | "stdout">> {
  /** Called with each line of the tool's standard error, except the last one of a tool that failed. */
  onWarning?: (line: string) => void;
  /** Ends the tool when it rejects. */
  until: Promise<never>;
}

/**
 * Runs a tool of the guest's agent, as root.
 *
 * @throws {ToolError} when it fails; {SmolvmError} when it cannot be run; the error of a stream or of `until`.
 */
export async function runAgentTool(
  machine: ReadableMachine,
  argv: readonly string[],
  { stdin, stdout, onWarning = () => {}, until }: ToolOptions,
): Promise<void> {
  const lines = new ErrorLines(onWarning);
  const broken = Promise.withResolvers<never>();
  // Ignore errors after the end.
  for (const promise of [broken.promise, until]) promise.catch(() => {});
  const input = stdin && untilBroken(stdin, broken.reject);
  using _ = { [Symbol.dispose]: () => void input?.return(undefined).catch(() => {}) };
  const io: CommandIo = {
    stdin: input,
    stdout: async (data) => await stdout?.(data).catch(broken.reject),
    stderr: (data) => {
      lines.push(data);
      return Promise.resolve();
    },
  };
  const options = { argv: [AGENT_TOOL, ...argv], cwd: "/", user: "0:0", stdin: stdin !== undefined };
  await using tool = await startExec(machine, options, io);
  const status = await Promise.race([tool.finish(), broken.promise, until]);
  const { code, signal } = status;
  const last = lines.last();
  if (code === 0) {
    if (last !== undefined) onWarning(last);
    return;
  }
  const end = signal === undefined ? `code ${code}` : `signal ${signal}`;
  throw new ToolError(last ?? `The guest's agent ended with ${end}`, status);
}

/** The lines of a tool's standard error. The last one is held back: it may be the reason why the tool failed. */
class ErrorLines {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #last: string | undefined;
  /** The beginning of a line that is not complete. */
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(data: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(data, { stream: true })).split("\n");
    this.#rest = lines.pop()!.slice(-LINE_MAX);
    for (const line of lines) this.#add(line);
  }

  last(): string | undefined {
    this.#add(this.#rest);
    return this.#last;
  }

  #add(line: string): void {
    if (line === "") return;
    if (this.#last !== undefined) this.#onLine(this.#last);
    this.#last = printable(line);
  }
}

async function* untilBroken(
  chunks: AsyncIterable<Uint8Array>,
  onBroken: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    onBroken(error);
    throw error;
  }
}

/** Replaces control characters: the name of a guest's file can contain terminal escape sequences. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, "?");
}
