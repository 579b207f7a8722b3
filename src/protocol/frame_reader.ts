import type { Connection } from "./connection.ts";
import { type Frame, FrameDecoder } from "./frame.ts";

const CHUNK_BYTES = 64 * 1024;

/**
 * Reads frames until the connection closes.
 *
 * @param onRead called with the number of bytes read; the frames are yielded after its promise settles
 * @throws {ProtocolError} for a frame whose payload is over `maxPayload` bytes.
 */
export async function* readFrames(
  conn: Connection,
  { maxPayload, onRead }: { maxPayload: number; onRead?: (bytes: number) => Promise<void> },
): AsyncGenerator<Frame> {
  const decoder = new FrameDecoder(maxPayload);
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let count = await read(conn, chunk); count !== null; count = await read(conn, chunk)) {
    await onRead?.(count);
    yield* decoder.push(chunk.subarray(0, count));
  }
}

async function read(conn: Connection, chunk: Uint8Array): Promise<number | null> {
  try {
    return await conn.read(chunk);
  } catch (error) {
    // The peer closed the connection before it had read everything.
    if (error instanceof Deno.errors.ConnectionReset) return null;
    throw error;
  }
}
