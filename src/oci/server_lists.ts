/** The maximum length of a list, in characters. A longer one comes from a hostile guest. */
const LIST_MAX = 8192;
const SERVER = /^[46lu] [1-9]\d{0,4}$/;

/** The kind of UDP servers. */
export const UDP = "u";

/** The port of a server `KIND PORT`. */
export function portOf(server: string): number {
  return Number(server.slice(2));
}

/** Parses lists of servers, as the agent's tool writes them, from chunks. */
export class ListReader {
  readonly #decoder = new TextDecoder();
  #text = "";

  /**
   * Takes the next chunk and returns the lists that it completes, each a set of `KIND PORT`. KIND is 4 or 6 for TCP on
   * all addresses of that version, l for TCP on the loopback, or u for UDP.
   */
  push(data: Uint8Array): Set<string>[] {
    this.#text += this.#decoder.decode(data, { stream: true });
    const lists: Set<string>[] = [];
    while (true) {
      // An empty line ends a list; a list without servers is only that line.
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

/** A text that changes, as chunks for a reader: the reader always gets the newest text and may miss older ones. */
export class LatestText implements AsyncIterable<Uint8Array> {
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
