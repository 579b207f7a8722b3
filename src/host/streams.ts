/** Largest chunk that is read at once: small beside the windows of the protocol. */
const CHUNK_BYTES = 16 * 1024;

/** What there is to read, in chunks of at most 16 KiB, until its end. */
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
