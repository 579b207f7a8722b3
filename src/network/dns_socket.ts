import { framed } from "./dns_forwarder.ts";
import type { HostSocket } from "./relay.ts";

/** The longest possible message, with its length field. */
const MAX_BUFFERED_BYTES = 2 + 65_535;

/** The gateway's name server for a guest that queries it over TCP. It answers one query after another. */
export class DnsSocket implements HostSocket {
  readonly #answer: (query: Uint8Array) => Promise<Uint8Array | undefined>;
  #asked: Uint8Array = new Uint8Array(0);
  #answers: Uint8Array[] = [];
  #hasEnded = false;
  #wake: (() => void) | undefined;

  constructor(answer: (query: Uint8Array) => Promise<Uint8Array | undefined>) {
    this.#answer = answer;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#answers.length === 0) {
      if (this.#hasEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const first = this.#answers[0]!;
    const count = Math.min(first.length, into.length);
    into.set(first.subarray(0, count));
    if (count === first.length) this.#answers.shift();
    else this.#answers[0] = first.subarray(count);
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const taken = bytes.subarray(0, MAX_BUFFERED_BYTES - this.#asked.length);
    const asked = new Uint8Array(this.#asked.length + taken.length);
    asked.set(this.#asked);
    asked.set(taken, this.#asked.length);
    this.#asked = asked;
    // A pending query delays the queries after it.
    for (let query = this.#takeQuery(); query !== undefined; query = this.#takeQuery()) {
      const answer = await this.#answer(query);
      if (answer === undefined) this.#hasEnded = true;
      else this.#answers.push(framed(answer));
      this.#wake?.();
    }
    return taken.length;
  }

  closeWrite(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  close(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  #takeQuery(): Uint8Array | undefined {
    if (this.#hasEnded || this.#asked.length < 2) return undefined;
    const end = 2 + ((this.#asked[0]! << 8) | this.#asked[1]!);
    if (this.#asked.length < end) return undefined;
    const query = this.#asked.slice(2, end);
    this.#asked = this.#asked.slice(end);
    return query;
  }
}
