/** Appends chunks to one buffer: the sender chooses the size of chunks, and many small arrays would waste memory. */
export class GrowingBytes {
  #bytes = new Uint8Array(0);
  #length = 0;

  /** The number of bytes. */
  get length(): number {
    return this.#length;
  }

  add(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) this.#resize(2 * length);
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }

  /** Returns all bytes; add nothing afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    this.#resize(this.#length);
    return this.#bytes;
  }

  #resize(length: number): void {
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(length));
  }
}
