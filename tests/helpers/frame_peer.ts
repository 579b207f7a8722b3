import type { Connection } from "../../src/protocol/connection.ts";
import { encodeFrame, type Frame, FrameDecoder } from "../../src/protocol/frame.ts";
import { makeTempFolder } from "./temp_folder.ts";

/** The other end of a connection under test: sends frames unchanged, and reads one at a time. */
export class FramePeer implements Disposable {
  readonly #conn: Connection;
  readonly #frames: AsyncGenerator<Frame>;

  constructor(conn: Connection) {
    this.#conn = conn;
    this.#frames = readFrames(conn);
  }

  /** Connects to a socket. */
  static async dial(path: string): Promise<FramePeer> {
    return new FramePeer(await Deno.connect({ transport: "unix", path }));
  }

  async send(type: number, stream = 0, payload?: Uint8Array): Promise<void> {
    await this.write(encodeFrame(type, stream, payload));
  }

  /** Sends bytes that need not be frames. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** The next frame, or `undefined` at the connection's end. */
  async next(): Promise<Frame | undefined> {
    const { done, value } = await this.#frames.next();
    return done ? undefined : value;
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // The test has closed it.
    }
  }
}

/** Two connected ends: a connection for the code under test, and its peer. */
export async function connectedPair(): Promise<{ conn: Deno.Conn; peer: FramePeer }> {
  using folder = makeTempFolder();
  const path = `${folder.path}/socket`;
  using listener = Deno.listen({ transport: "unix", path });
  const [conn, peer] = await Promise.all([listener.accept(), FramePeer.dial(path)]);
  return { conn, peer };
}

async function* readFrames(conn: Connection): AsyncGenerator<Frame> {
  const decoder = new FrameDecoder(2 ** 32 - 1);
  const chunk = new Uint8Array(64 * 1024);
  try {
    for (let count = await conn.read(chunk); count !== null; count = await conn.read(chunk)) {
      yield* decoder.push(chunk.subarray(0, count));
    }
  } catch (error) {
    // Closing an end with unread data resets the connection.
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}
