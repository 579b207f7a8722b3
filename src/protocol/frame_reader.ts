import { type Frame, FrameDecoder } from "./frame.ts";

const CHUNK_BYTES = 64 * 1024;

/**
 * The frames that come over a connection, until its end.
 *
 * @param onRead is told how many bytes came; the frames that they complete are yielded when it has settled
 * @throws {ProtocolError} for a frame whose payload is over `maxPayload` bytes.
 */
export async function* readFrames(
  conn: Deno.Conn,
  { maxPayload, onRead }: { maxPayload: number; onRead?: (bytes: number) => Promise<void> },
): AsyncGenerator<Frame> {
  const decoder = new FrameDecoder(maxPayload);
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let count = await read(conn, chunk); count !== null; count = await read(conn, chunk)) {
    await onRead?.(count);
    yield* decoder.push(chunk.subarray(0, count));
  }
}

async function read(conn: Deno.Conn, chunk: Uint8Array): Promise<number | null> {
  try {
    return await conn.read(chunk);
  } catch (error) {
    // A peer that was gone before it had read everything.
    if (error instanceof Deno.errors.ConnectionReset) return null;
    throw error;
  }
}
