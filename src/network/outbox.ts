import { SummedBytes } from "./checksum.ts";

/** Size of the length field before each frame on the link, which is big-endian. */
export const LENGTH_BYTES = 4;

/** Space that {@linkcode Outbox.hasRoom} keeps free for frames that cannot wait. */
const RESERVE_BYTES = 64 * 1024;

/** Queue of frames for the guest, in the link's format. Its size is fixed. */
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

  /** The memory that contains the frame that was begun last. */
  get memory(): SummedBytes {
    return this.#filling;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Whether a frame of `bytes` bytes fits without using the reserve. */
  hasRoom(bytes: number): boolean {
    return this.#length + LENGTH_BYTES + bytes + RESERVE_BYTES <= this.#filling.bytes.length;
  }

  /** Begins a frame and returns its offset in {@linkcode memory}, or `undefined` if the outbox is full. */
  begin(bytes: number): number | undefined {
    const start = this.#length + LENGTH_BYTES;
    if (start + bytes > this.#filling.bytes.length) return undefined;
    this.#view.setUint32(this.#length, bytes);
    this.#length = start + bytes;
    this.#frames++;
    this.#bytes += bytes;
    return start;
  }

  /** Total number of frames so far, and their size in bytes. */
  get total(): { frames: number; bytes: number } {
    return { frames: this.#frames, bytes: this.#bytes };
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /**
   * Takes all frames. The caller owns the bytes until it calls {@linkcode giveBack}. Until then, further calls return
   * `undefined`.
   */
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
