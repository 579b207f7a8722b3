import { concat } from "../bytes.ts";
import type { Connection } from "./connection.ts";
import { encodeFrame } from "./frame.ts";

/** Frames are written together until they have this many bytes: each write costs more than copying them. */
const WRITE_BYTES = 64 * 1024;

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

  /** Takes the next frames off the queue, for one write. */
  #take(): Uint8Array {
    let count = 0;
    for (let length = 0; count < this.#queue.length && length < WRITE_BYTES; count++) {
      length += this.#queue[count]!.length;
    }
    return concat(this.#queue.splice(0, count));
  }

  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const bytes = this.#take();
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
