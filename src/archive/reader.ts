import { ArchiveError, checkNames, decodeHeader, extendEntry } from "./decode.ts";
import { BLOCK, type Entry, paddingOf } from "./entry.ts";

/** What the agent needs for an entry at most, in bytes: two paths of Linux, and numbers. */
const RECORDS_MAX = 2 * 4096 + 512;

/** Reads an archive of the guest's agent, entry by entry, in whatever chunks it comes. */
export class ArchiveReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  /** Data of the current entry that is still to come, and what fills it up. */
  #data = 0;
  #padding = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /**
   * The next entry; `undefined` at the end.
   *
   * @throws {ArchiveError} for an archive that is broken, or breaks off.
   */
  async next(): Promise<Entry | undefined> {
    while (await this.read());
    const header = await this.#nextHeader();
    if (header === undefined) return;
    if (header.type !== "records") return checkNames(header);
    const records = await this.#nextRecords(header.size);
    const entry = await this.#nextHeader();
    if (entry === undefined || entry.type === "records") throw new ArchiveError("The archive is broken");
    const extended = extendEntry(entry, records);
    this.#expect(extended.size);
    return checkNames(extended);
  }

  /** Some of the current entry's data, valid until the next call; `undefined` after its last. */
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

  /** The end is two blocks, and really the end. */
  async #end(): Promise<undefined> {
    await this.#take(BLOCK);
    if (await this.#hasMore()) throw new ArchiveError("The archive is broken");
  }

  /** Exactly so many bytes. */
  async #take(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const some = await this.#some(count - at);
      bytes.set(some, at);
      at += some.length;
    }
    return bytes;
  }

  /** At least one byte, and at most so many. */
  async #some(most: number): Promise<Uint8Array> {
    if (!await this.#hasMore()) throw new ArchiveError("The archive ends too early");
    const some = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(most);
    return some;
  }

  /** Whether there is at least one byte. */
  async #hasMore(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#chunk = value;
    }
    return true;
  }
}
