import { ArchiveError, decodeHeader, extendEntry } from "./decode.ts";
import { BLOCK, type Entry, paddingOf } from "./entry.ts";

/** The maximum size of the agent's records for one entry, in bytes: two Linux paths and numbers. */
const RECORDS_MAX = 2 * 4096 + 512;

/** Reads an archive of the guest's agent entry by entry, from chunks of any size. */
export class ArchiveReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  /** The bytes of the current entry's data, and of its padding, that are still to come. */
  #data = 0;
  #padding = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /**
   * The next entry; `undefined` at the end.
   *
   * @throws {ArchiveError} for an archive that is broken or ends too early.
   */
  async next(): Promise<Entry | undefined> {
    while (await this.read());
    const header = await this.#nextHeader();
    if (header === undefined) return;
    if (header.type !== "records") return header;
    const records = await this.#nextRecords(header.size);
    const entry = await this.#nextHeader();
    if (entry === undefined || entry.type === "records") throw new ArchiveError("The archive is broken");
    const extended = extendEntry(entry, records);
    this.#expect(extended.size);
    return extended;
  }

  /** Returns some of the current entry's data, valid until the next call; `undefined` at the end of it. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#data === 0) return;
    const data = await this.#some(this.#data);
    this.#data -= data.length;
    return data;
  }

  async #nextHeader() {
    await this.#take(this.#padding);
    this.#expect(0);
    const block = await this.#take(BLOCK);
    if (block.every((byte) => byte === 0)) return await this.#end();
    const header = decodeHeader(block);
    this.#expect(header.size);
    return header;
  }

  async #nextRecords(size: number): Promise<Uint8Array> {
    if (size > RECORDS_MAX) throw new ArchiveError("The archive is broken");
    this.#data = 0;
    return await this.#take(size);
  }

  #expect(size: number): void {
    this.#data = size;
    this.#padding = paddingOf(size);
  }

  /** An archive ends with two blocks of zeros; data after them is an error. */
  async #end(): Promise<undefined> {
    await this.#take(BLOCK);
    if (await this.#hasMore()) throw new ArchiveError("The archive is broken");
  }

  /** Reads exactly `count` bytes. */
  async #take(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const some = await this.#some(count - at);
      bytes.set(some, at);
      at += some.length;
    }
    return bytes;
  }

  /** Reads at least one byte, at most `most`. */
  async #some(most: number): Promise<Uint8Array> {
    if (!await this.#hasMore()) throw new ArchiveError("The archive ends too early");
    const some = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(most);
    return some;
  }

  /** Whether there is at least one more byte. */
  async #hasMore(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#chunk = value;
    }
    return true;
  }
}
