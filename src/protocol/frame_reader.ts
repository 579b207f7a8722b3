import { type Frame, FrameDecoder } from "./frame.ts";

const CHUNK_BYTES = 64 * 1024;

/**
 * The frames that come over a connection, until its end.
 *
 * @param onRead is told how many bytes came, before any frame that they complete is yielded
 * @throws {ProtocolError} for a frame whose payload is over `maxPayload` bytes.
 */
export async function* readFrames(
  conn: Deno.Conn,
  { maxPayload, onRead }: { maxPayload: number; onRead?: (bytes: number) => void },
): AsyncGenerator<Frame> {
  const decoder = new FrameDecoder(maxPayload);
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let count = await conn.read(chunk); count !== null; count = await conn.read(chunk)) {
    onRead?.(count);
    yield* decoder.push(chunk.subarray(0, count));
  }
}
