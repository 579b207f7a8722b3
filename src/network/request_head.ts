/** Longer request heads are refused. */
const MAX_HEAD_BYTES = 64 * 1024;

/** A secret, and the placeholder that the guest has in its place. */
export interface Replacement {
  placeholder: string;
  value: string;
}

/** The gateway refuses to forward the request. */
export class RequestError extends Error {
  override name = "RequestError";
}

/**
 * Puts secrets into the head of a connection's only HTTP/1.1 request, and asks the server to close the connection after
 * the response. Forwards everything after the head unchanged, so that it need not find the end of the body.
 */
export class RequestHead {
  readonly #replacements: readonly Replacement[];
  #head: Uint8Array | undefined = new Uint8Array(0);

  constructor(replacements: readonly Replacement[]) {
    this.#replacements = replacements;
  }

  /**
   * Takes the next bytes from the guest, and returns the bytes to forward.
   *
   * @throws {RequestError}
   */
  take(bytes: Uint8Array): Uint8Array {
    if (this.#head === undefined) return bytes;
    const all = new Uint8Array(this.#head.length + bytes.length);
    all.set(this.#head);
    all.set(bytes, this.#head.length);
    // Latin-1: each byte is one character, and is encoded as the same byte again.
    const text = Array.from(all.subarray(0, MAX_HEAD_BYTES), (byte) => String.fromCharCode(byte)).join("");
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) {
      if (all.length >= MAX_HEAD_BYTES) throw new RequestError("the request head is too long");
      this.#head = all;
      return new Uint8Array(0);
    }
    this.#head = undefined;
    const head = Uint8Array.from(this.#rewrite(text.slice(0, end)), (char) => char.charCodeAt(0));
    const whole = new Uint8Array(head.length + all.length - end - 4);
    whole.set(head);
    whole.set(all.subarray(end + 4), head.length);
    return whole;
  }

  #rewrite(head: string): string {
    const [start = "", ...lines] = head.split("\r\n");
    if (!/^[A-Z]+ \S+ HTTP\/1\.[01]$/.test(start)) throw new RequestError("it is not an HTTP/1.1 request");
    // The server returns a TRACE request in its response.
    if (start.startsWith("TRACE ")) throw new RequestError("TRACE would show the secret");
    // Refuse folded header lines, and CR or LF alone.
    if (lines.some((line) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*$/.test(line))) {
      throw new RequestError("a header is malformed");
    }
    const isUpgrade = lines.some((line) => /^connection:.*upgrade/i.test(line));
    const kept = isUpgrade
      ? lines
      : [...lines.filter((line) => !/^(connection|keep-alive):/i.test(line)), "Connection: close"];
    return `${[start, ...kept.map((line) => this.#rewriteHeader(line))].join("\r\n")}\r\n\r\n`;
  }

  #rewriteHeader(line: string): string {
    const [, start, credentials] = /^([^:]+: *basic +)([A-Za-z0-9+/]+=*) *$/i.exec(line) ?? [];
    const plain = credentials && decoded(credentials);
    const replaced = plain && this.#replace(plain);
    return replaced === plain ? this.#replace(line) : `${start}${btoa(replaced!)}`;
  }

  #replace(text: string): string {
    return this.#replacements.reduce((text, { placeholder, value }) => text.replaceAll(placeholder, () => value), text);
  }
}

function decoded(base64: string): string | undefined {
  try {
    return atob(base64);
  } catch {
    return undefined; // Forward it unchanged.
  }
}
