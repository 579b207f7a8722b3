import { writeAll } from "../host/streams.ts";
import { LENGTH_BYTES } from "./outbox.ts";

/** What waits to be written to one gateway at most; more is lost, as on any network that is too slow. */
const MAX_QUEUED_BYTES = 512 * 1024;

/** Writes frames to another gateway, in their order, as fast as it takes them. */
export class PacketQueue {
  readonly #conn: Deno.Conn;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #isWriting = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Takes a copy of a frame, or drops it where there is no room. */
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
      // It is gone, as its reader finds out; nothing is taken any more.
      this.#bytes = Infinity;
      this.#waiting = [];
    }
  }
}
