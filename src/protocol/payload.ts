/** The peer broke the protocol; the connection must end. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** Builds a payload field by field, in the formats of `src/guest/wire/protocol.h`. */
export class PayloadWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  u32(value: number): this {
    const at = this.#reserve(4);
    new DataView(this.#bytes.buffer).setUint32(at, value, true);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#reserve(8);
    new DataView(this.#bytes.buffer).setBigUint64(at, value, true);
    return this;
  }

  str(value: string): this {
    return this.blob(encoder.encode(value));
  }

  blob(value: Uint8Array): this {
    this.u32(value.length);
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  list<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.u32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    return at;
  }
}

/** Reads a payload field by field; every read is checked against its length. */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** Text from the peer; invalid UTF-8 becomes U+FFFD. */
  str(): string {
    const bytes = this.blob();
    if (bytes.includes(0)) throw new ProtocolError("NUL in a string");
    return decoder.decode(bytes);
  }

  blob(): Uint8Array {
    const length = this.u32();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  list<T>(read: (reader: this) => T): T[] {
    const items: T[] = [];
    // Each item has at least one byte, so a forged count fails at the payload's end and cannot exhaust memory.
    for (let count = this.u32(); count > 0; count--) items.push(read(this));
    return items;
  }

  /** Call this last: nothing may follow the last field. */
  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new ProtocolError(`${this.#bytes.length - this.#at} bytes after the last field`);
    }
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new ProtocolError("payload ends inside a field");
    this.#at += length;
    return at;
  }
}
