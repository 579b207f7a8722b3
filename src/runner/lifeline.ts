const CHUNK_BYTES = 16 * 1024;

/** An input. Not a stream: loading Deno's streams takes a tenth of its start, and would delay every boot. */
type Input = Pick<typeof Deno.stdin, "read">;

/**
 * The runner's standard input: one line with the specification, for a warm machine a second one from the client that
 * takes it, and then nothing until that client closes it or dies. The kernel closes it for a killed process.
 */
export class Lifeline {
  /** The first line, or `undefined` when the input ended before it. */
  readonly specification: Promise<string | undefined>;
  /** The second line, or `undefined` when the input ended before it. */
  readonly takerSpecification: Promise<string | undefined>;
  /** Settles when the client has closed its side or is gone. */
  readonly ended: Promise<void>;

  constructor(input: Input) {
    const lines = [Promise.withResolvers<string | undefined>(), Promise.withResolvers<string | undefined>()] as const;
    [this.specification, this.takerSpecification] = [lines[0].promise, lines[1].promise];
    let count = 0;
    this.ended = readLines(input, (line) => lines[count++]?.resolve(line)).finally(() => {
      for (const line of lines) line.resolve(undefined);
    });
  }
}

async function readLines(input: Input, found: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  let text = "";
  for (let count = await input.read(chunk); count !== null; count = await input.read(chunk)) {
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
    const lines = text.split("\n");
    text = lines.pop()!;
    lines.forEach(found);
  }
}
