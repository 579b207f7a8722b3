import { writeAll } from "../host/streams.ts";
import { LENGTH_BYTES } from "./outbox.ts";

/** Maximum data in the queue for one gateway. Further frames are dropped, as on a slow network. */
const MAX_QUEUED_BYTES = 512 * 1024;

/** Writes frames to another gateway, in order, as fast as that gateway reads them. */
export class PacketQueue {
  readonly #conn: Deno.Conn;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #isWriting = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Queues a copy of a frame, or drops the frame if there is no room. */
  push(frame: Uint8Array): void {
    const size = LENGTH_BYTES + frame.length;
    if (this.#bytes + size > MAX_QUEUED_BYTES) return;
    const bytes = new Uint8Array(size);
    new DataView(bytes.buffer).setUint32(0, frame.length);
    bytes.set(frame, LENGTH_BYTES);
    this.#waiting.push(bytes);
    this.#bytes += size;
    this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        await writeAll(this.#conn, next);
        this.#bytes -= next.length;
      }
      this.#isWriting = false;
    } catch {
      // The other gateway is gone, which the reader of this connection notices. Drop all further frames.
      this.#bytes = Infinity;
      this.#waiting = [];
    }
  }
}
