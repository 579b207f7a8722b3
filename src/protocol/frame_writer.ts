import type { Connection } from "./connection.ts";
import { encodeFrame } from "./frame.ts";

/** Writes frames to a connection in order, without making the sender wait. */
export class FrameWriter {
  readonly #conn: Connection;
  #queue: Uint8Array[] = [];
  #pump: Promise<void> | undefined;

  constructor(conn: Connection) {
    this.#conn = conn;
  }

  /** The number of frames that wait to be written. */
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
      // The peer is gone: the reader of the connection sees its end and handles it.
      this.#queue = [];
    }
    // Synchronously after the queue is empty: a later send must start a new pump.
    this.#pump = undefined;
  }
}
