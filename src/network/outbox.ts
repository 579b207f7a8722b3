import { SummedBytes } from "./checksum.ts";

/** What a frame has in front of it on the link: its length, big-endian. */
export const LENGTH_BYTES = 4;

/** Left free by {@linkcode Outbox.hasRoom}, for what cannot wait. */
const RESERVE_BYTES = 64 * 1024;

/** Frames for the guest, in the order and the form in which the link carries them. Its size never changes. */
export class Outbox {
  #filling: SummedBytes;
  #spare: SummedBytes | undefined;
  #view: DataView;
  #length = 0;
  #frames = 0;
  #bytes = 0;

  /** @param capacity in bytes, a multiple of 4 */
  constructor(capacity: number) {
    this.#filling = new SummedBytes(new ArrayBuffer(capacity));
    this.#spare = new SummedBytes(new ArrayBuffer(capacity));
    this.#view = new DataView(this.#filling.bytes.buffer);
  }

  /** What holds the frame that was begun last. */
  get memory(): SummedBytes {
    return this.#filling;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Whether a frame of that size may wait here, so that some room remains for others. */
  hasRoom(bytes: number): boolean {
    return this.#length + LENGTH_BYTES + bytes + RESERVE_BYTES <= this.#filling.bytes.length;
  }

  /** Begins a frame, and returns where in {@linkcode memory} it is to be written; `undefined` when it is full. */
  begin(bytes: number): number | undefined {
    const start = this.#length + LENGTH_BYTES;
    if (start + bytes > this.#filling.bytes.length) return undefined;
    this.#view.setUint32(this.#length, bytes);
    this.#length = start + bytes;
    this.#frames++;
    this.#bytes += bytes;
    return start;
  }

  /** How many frames there ever were, and how many bytes these had. */
  get total(): { frames: number; bytes: number } {
    return { frames: this.#frames, bytes: this.#bytes };
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Takes all frames out; the bytes belong to the caller until they are given back, and nothing more is taken before. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#length === 0 || this.#spare === undefined) return undefined;
    const bytes = this.#filling.bytes.subarray(0, this.#length);
    [this.#filling, this.#spare] = [this.#spare, undefined];
    this.#view = new DataView(this.#filling.bytes.buffer);
    this.#length = 0;
    return bytes;
  }

  giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    this.#spare = new SummedBytes(bytes.buffer);
  }
}
