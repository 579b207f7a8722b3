import { killChild } from "../host/child_process.ts";

/** The compressions: the first bytes, in hexadecimal, and the program that decompresses them. */
const COMPRESSIONS: { magic: RegExp; program: string; args: string[] }[] = [
  { magic: /^1f8b08/, program: "gzip", args: [] },
  // The magic of a block or of the end must follow, because a file in an archive can be called "BZh9".
  { magic: /^425a683[1-9](314159265359|177245385090)/, program: "bzip2", args: [] },
  // Limited, because the archive decides how much memory xz uses.
  { magic: /^fd377a585a00/, program: "xz", args: ["--memlimit-decompress=512MiB"] },
  // A frame or a skippable frame.
  { magic: /^(28b52ffd|5.2a4d18)/, program: "zstd", args: [] },
];
/** The length of the longest magic. */
const MAGIC_BYTES = 10;
/** How much of a program's stderr is kept, in characters. */
const WORDS_MAX = 4096;

/**
 * Decompresses an archive with the program gzip, bzip2, xz or zstd. Passes an uncompressed archive on unchanged.
 *
 * @throws when the archive is broken or the program is missing; the error of `chunks`.
 */
export async function* decompress(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = chunks[Symbol.asyncIterator]();
  try {
    const start = await readStart(source);
    const input = chain(start, source);
    const bytes = start.flatMap((chunk) => [...chunk.subarray(0, MAGIC_BYTES)]);
    const hexadecimal = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const compression = COMPRESSIONS.find(({ magic }) => magic.test(hexadecimal));
    yield* compression ? decompressWith(input, compression.program, compression.args) : input;
  } finally {
    // Not awaited: it may wait for data that never comes.
    source.return?.(undefined).catch(() => {});
  }
}

/** Reads enough chunks to detect the compression, or all if there are fewer. */
async function readStart(source: AsyncIterator<Uint8Array>): Promise<Uint8Array[]> {
  const start: Uint8Array[] = [];
  for (let bytes = 0; bytes < MAGIC_BYTES;) {
    const { done, value } = await source.next();
    if (done) break;
    start.push(value);
    bytes += value.length;
  }
  return start;
}

async function* chain(start: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* start;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function* decompressWith(
  input: AsyncIterable<Uint8Array>,
  program: string,
  args: string[],
): AsyncGenerator<Uint8Array> {
  const child = spawn(program, args);
  const words = firstErrorLine(child.stderr);
  let inputError: { cause: unknown } | undefined;
  feed(child.stdin, input, (cause) => inputError = { cause });
  try {
    yield* child.stdout;
    const { success } = await child.status;
    if (inputError) throw inputError.cause;
    if (!success) throw new Error(await words || `"${program}" failed`);
  } finally {
    // The program is still running if the consumer stops early.
    killChild(child, "SIGKILL");
    await child.status;
  }
}

function spawn(program: string, args: string[]): Deno.ChildProcess {
  try {
    const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    return new Deno.Command(program, { args: ["-d", "-c", ...args], env: { LC_ALL: "C" }, ...streams }).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Error(`It is compressed with ${program}, but there is no such program on this host`, { cause });
  }
}

/** Writes a program's input and closes it. An error of the input is reported before stdin is closed. */
async function feed(
  stdin: WritableStream<Uint8Array>,
  input: AsyncIterable<Uint8Array>,
  onError: (error: unknown) => void,
): Promise<void> {
  const writer = stdin.getWriter();
  const written = (promise: Promise<void>) => promise.then(() => true, () => false);
  try {
    // A failed write means that the program has ended; its exit status says why.
    for await (const chunk of input) if (!await written(writer.write(chunk))) return;
  } catch (error) {
    onError(error);
  }
  await written(writer.close());
}

/** The first line of a program's stderr; bzip2 adds lines of advice. */
async function firstErrorLine(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let words = "";
  for await (const data of stderr) words = (words + decoder.decode(data, { stream: true })).slice(0, WORDS_MAX);
  return /^\s*(.*?);?\s*$/m.exec(words)![1]!;
}
