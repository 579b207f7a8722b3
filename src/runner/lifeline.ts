/**
 * The runner's standard input: one line of specification, and then nothing until whoever started the runner closes it
 * or dies. The kernel closes it for a process that was killed.
 */
export class Lifeline {
  /** The first line, or `undefined` when the input ended before it. */
  readonly specification: Promise<string | undefined>;
  /** Settles when the other end is gone. */
  readonly ended: Promise<void>;

  constructor(input: ReadableStream<Uint8Array>) {
    const line = Promise.withResolvers<string | undefined>();
    this.specification = line.promise;
    this.ended = readLine(input, line.resolve).finally(() => line.resolve(undefined));
  }
}

async function readLine(input: ReadableStream<Uint8Array>, found: (line: string) => void): Promise<void> {
  // A reader and a decoder, not a pipe of streams: this is on the way of every boot.
  const reader = input.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += decoder.decode(read.value, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) found(text.slice(0, end));
  }
}
