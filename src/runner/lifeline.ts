const CHUNK_BYTES = 16 * 1024;

/** What can be read from. Not a stream: loading those takes a tenth of Deno's start, on the way of every boot. */
type Input = Pick<typeof Deno.stdin, "read">;

/**
 * The runner's standard input: one line of specification, and then nothing until whoever started the runner closes it
 * or dies. The kernel closes it for a process that was killed.
 */
export class Lifeline {
  /** The first line, or `undefined` when the input ended before it. */
  readonly specification: Promise<string | undefined>;
  /** Settles when the other end is gone. */
  readonly ended: Promise<void>;

  constructor(input: Input) {
    const line = Promise.withResolvers<string | undefined>();
    this.specification = line.promise;
    this.ended = readLine(input, line.resolve).finally(() => line.resolve(undefined));
  }
}

async function readLine(input: Input, found: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  let text = "";
  for (let count = await input.read(chunk); count !== null; count = await input.read(chunk)) {
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) found(text.slice(0, end));
  }
}
