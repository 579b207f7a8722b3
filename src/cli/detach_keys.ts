import { InvalidArgumentError } from "./invalid_argument.ts";

/** The bytes that a terminal sends for keys such as `ctrl-p,ctrl-q`, docker's way of writing them; empty: none. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === "") return new Uint8Array();
  return Uint8Array.from(text.split(","), (key) => {
    if (/^[\x21-\x7e]$/.test(key)) return key.charCodeAt(0);
    const [, letter] = /^ctrl-([a-z@[\\\]^_])$/.exec(key) ?? [];
    if (letter === undefined) throw new InvalidArgumentError("Expected keys such as ctrl-p,ctrl-q or ctrl-],d.");
    return letter.toUpperCase().charCodeAt(0) & 0x1f;
  });
}

/**
 * The chunks of an input without the keys that detach, on which `detach` is called; nothing comes after them. Keys that
 * begin the same way are held until it is clear what they are.
 */
export async function* untilDetached(
  chunks: AsyncIterable<Uint8Array>,
  keys: Uint8Array,
  detach: () => void,
): AsyncGenerator<Uint8Array> {
  let matched = 0;
  for await (const chunk of chunks) {
    const bytes: number[] = [];
    for (const byte of chunk) {
      if (byte !== keys[matched]) {
        bytes.push(...keys.subarray(0, matched));
        matched = 0;
      }
      if (byte !== keys[matched]) bytes.push(byte);
      else if (++matched === keys.length) break;
    }
    if (bytes.length > 0) yield Uint8Array.from(bytes);
    if (matched > 0 && matched === keys.length) return detach();
  }
  if (matched > 0) yield keys.slice(0, matched);
}
