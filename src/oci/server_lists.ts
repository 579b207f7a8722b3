/** More in one list is a guest that makes fun of its host. */
const LIST_MAX = 8192;
const SERVER = /^[46lu] [1-9]\d{0,4}$/;

/** The kind of a server that takes datagrams. */
export const UDP = "u";

/** The port of a server `KIND PORT`. */
export function portOf(server: string): number {
  return Number(server.slice(2));
}

/** Puts lists of servers together, such as the agent's tool writes. */
export class ListReader {
  readonly #decoder = new TextDecoder();
  #text = "";

  /**
   * Takes a piece; returns the lists that are complete, each a set of `KIND PORT`: 4 and 6 are for all addresses of that
   * version, l for the loopback, u for UDP.
   */
  push(data: Uint8Array): Set<string>[] {
    this.#text += this.#decoder.decode(data, { stream: true });
    const lists: Set<string>[] = [];
    while (true) {
      // A list without servers is its empty line alone.
      const end = this.#text.startsWith("\n") ? 0 : this.#text.indexOf("\n\n") + 1;
      if (end === 0 && !this.#text.startsWith("\n")) break;
      const lines = this.#text.slice(0, end).split("\n");
      lists.push(new Set(lines.filter((line) => SERVER.test(line) && portOf(line) < 65_536)));
      this.#text = this.#text.slice(end + 1);
    }
    if (this.#text.length > LIST_MAX) this.#text = "";
    return lists;
  }
}

/** A text that changes, for a reader that takes the newest one whenever it can. */
export class Latest implements AsyncIterable<Uint8Array> {
  #text: string | undefined;
  #changed = Promise.withResolvers<void>();

  put(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#changed.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (true) {
      await this.#changed.promise;
      this.#changed = Promise.withResolvers();
      yield new TextEncoder().encode(this.#text);
    }
  }
}
