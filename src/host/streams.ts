const CHUNK_BYTES = 64 * 1024;

/** Reads a source to its end, in chunks of at most 64 KiB. */
export async function* readChunks(
  source: { read(chunk: Uint8Array): Promise<number | null> },
): AsyncGenerator<Uint8Array> {
  while (true) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await source.read(chunk);
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}

/** Writes all of `data`. */
export async function writeAll(
  target: { write(data: Uint8Array): Promise<number> },
  data: Uint8Array,
): Promise<void> {
  for (let at = 0; at < data.length;) at += await target.write(data.subarray(at));
}

/** Like {@linkcode writeAll}, but synchronous. */
export function writeAllSync(target: { writeSync(data: Uint8Array): number }, data: Uint8Array): void {
  for (let at = 0; at < data.length;) at += target.writeSync(data.subarray(at));
}
