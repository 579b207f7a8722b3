import { encodeFrame } from "./frame.ts";

/** Writes frames to a connection in the order they were sent, without making the sender wait. */
export class FrameWriter {
  readonly #conn: Deno.Conn;
  #queue: Uint8Array[] = [];
  #pump: Promise<void> | undefined;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** How many frames wait to be written. */
  get queued(): number {
    return this.#queue.length;
  }

  send(type: number, stream = 0, payload?: Uint8Array): void {
    this.#queue.push(encodeFrame(type, stream, payload));
    this.#pump ??= this.#write();
  }

  /** Settles when everything sent so far is written, or when the peer is gone. */
  async flush(): Promise<void> {
    while (this.#pump) await this.#pump;
  }

  close(): void {
    this.#queue = [];
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }

  async #write(): Promise<void> {
    try {
      for (let bytes = this.#queue.shift(); bytes; bytes = this.#queue.shift()) {
        for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
      }
    } catch {
      // The peer is gone: whoever reads the connection sees its end and acts on it.
      this.#queue = [];
    }
    // At once: what is sent from here on needs a pump of its own.
    this.#pump = undefined;
  }
}
