import { InvalidArgumentError } from "./invalid_argument.ts";

/** Converts keys in docker's notation, such as `ctrl-p,ctrl-q`, to the bytes a terminal sends; empty means no keys. */
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
 * Passes on the chunks of an input until the detach keys, then calls `detach` and ends. Bytes that match the start of
 * the keys are held back until the next bytes decide.
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
