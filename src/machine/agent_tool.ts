import { AGENT_TOOL } from "../protocol/messages.ts";
import type { Machine } from "../state/lookup.ts";
import type { CommandIo, ExitStatus } from "./attached.ts";
import { startExec } from "./exec.ts";

/** How much of what a tool says is kept, in characters. */
const WORDS_MAX = 64 * 1024;

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
  /** Ends it when it rejects. */
  until: Promise<never>;
}

/**
 * Runs a tool of the guest's agent, as root; returns the lines of its standard error.
 *
 * @throws {ToolError} when it fails; {SmolvmError} when it cannot be run; the error of a stream, or that of `until`.
 */
export async function runAgentTool(
  machine: Machine,
  argv: readonly string[],
  { stdin, stdout, until }: ToolOptions,
): Promise<string[]> {
  const decoder = new TextDecoder();
  let words = "";
  const broken = Promise.withResolvers<never>();
  // What comes when nobody waits for it any more is no news.
  for (const promise of [broken.promise, until]) promise.catch(() => {});
  const input = stdin && untilBroken(stdin, broken.reject);
  using _ = { [Symbol.dispose]: () => void input?.return(undefined).catch(() => {}) };
  const io: CommandIo = {
    stdin: input,
    stdout: async (data) => await stdout?.(data).catch(broken.reject),
    stderr: (data) => {
      words = (words + decoder.decode(data, { stream: true })).slice(-WORDS_MAX);
      return Promise.resolve();
    },
  };
  const options = { argv: [AGENT_TOOL, ...argv], cwd: "/", user: "0:0", stdin: stdin !== undefined };
  await using tool = await startExec(machine, options, io);
  const status = await Promise.race([tool.finish(), broken.promise, until]);
  const lines = words.split("\n").filter((line) => line !== "").map(printable);
  const { code, signal } = status;
  if (code === 0) return lines;
  const end = signal === undefined ? `code ${code}` : `signal ${signal}`;
  throw new ToolError(lines.at(-1) ?? `The guest's agent ended with ${end}`, status);
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
