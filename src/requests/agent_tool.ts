import type { CommandIo, ExitStatus } from "../machine/attached.ts";
import { AGENT_TOOL } from "../protocol/messages.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { startExec } from "./exec.ts";

/** How much of a line that a tool says is kept, in characters. */
const LINE_MAX = 64 * 1024;

/** A tool of the guest's agent failed; the message is its last line. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  /** How it ended. */
  readonly status: ExitStatus;

  constructor(message: string, status: ExitStatus) {
    super(message);
    this.status = status;
  }
}

/** The streams of a tool but for its errors; an error of one of them ends it. */
export interface ToolOptions extends Partial<Pick<CommandIo, "stdin" | "stdout">> {
  /** Told each line of its standard error, but for the one that says why it failed. */
  onWarning?: (line: string) => void;
  /** Ends it when it rejects. */
  until: Promise<never>;
}

/**
 * Runs a tool of the guest's agent, as root.
 *
 * @throws {ToolError} when it fails; {SmolvmError} when it cannot be run; the error of a stream, or that of `until`.
 */
export async function runAgentTool(
  machine: ReadableMachine,
  argv: readonly string[],
  { stdin, stdout, onWarning = () => {}, until }: ToolOptions,
): Promise<void> {
  const words = new Words(onWarning);
  const broken = Promise.withResolvers<never>();
  // An error that comes after the end is ignored.
  for (const promise of [broken.promise, until]) promise.catch(() => {});
  const input = stdin && untilBroken(stdin, broken.reject);
  using _ = { [Symbol.dispose]: () => void input?.return(undefined).catch(() => {}) };
  const io: CommandIo = {
    stdin: input,
    stdout: async (data) => await stdout?.(data).catch(broken.reject),
    stderr: (data) => {
      words.hear(data);
      return Promise.resolve();
    },
  };
  const options = { argv: [AGENT_TOOL, ...argv], cwd: "/", user: "0:0", stdin: stdin !== undefined };
  await using tool = await startExec(machine, options, io);
  const status = await Promise.race([tool.finish(), broken.promise, until]);
  const { code, signal } = status;
  const last = words.last();
  if (code === 0) {
    if (last !== undefined) onWarning(last);
    return;
  }
  const end = signal === undefined ? `code ${code}` : `signal ${signal}`;
  throw new ToolError(last ?? `The guest's agent ended with ${end}`, status);
}

/** The lines that a tool says. The last one is held back: it may say why the tool failed. */
class Words {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #last: string | undefined;
  /** Of a line that has not ended. */
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  hear(data: Uint8Array): void {
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

/** The name of a guest's file can hold anything, a terminal's commands included. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, "?");
}
