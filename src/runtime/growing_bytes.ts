/** Bytes that are added to in one piece: whoever sends them chooses how small the chunks are, each of which costs memory. */
export class GrowingBytes {
  #bytes = new Uint8Array(0);
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  add(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) this.#resize(2 * length);
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }

  /** All of them; nothing may be added any more. */
  take(): Uint8Array<ArrayBuffer> {
    this.#resize(this.#length);
    return this.#bytes;
  }

  #resize(length: number): void {
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(length));
  }
}
