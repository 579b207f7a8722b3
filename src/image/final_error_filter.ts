/** The start of buildah's error line. */
const START = "Error: ";
/** The maximum that is held back, in bytes; error messages are shorter. */
const HELD_MAX = 64 * 1024;

/**
 * Passes on a program's stderr as it arrives, without its final error: the caller reports that error, and the user must
 * not see it twice.
 */
export class FinalErrorFilter {
  readonly #passOn: (chunk: Uint8Array) => void;
  /** The bytes that are held back, one character per byte. */
  #held = "";
  #isLineStart = true;

  constructor(passOn: (chunk: Uint8Array) => void) {
    this.#passOn = passOn;
  }

  push(chunk: Uint8Array): void {
    for (const byte of chunk) this.#held += String.fromCharCode(byte);
    const text = this.#isLineStart ? `\n${this.#held}` : this.#held;
    const error = text.lastIndexOf(`\n${START}`);
    const begun = text.slice(text.lastIndexOf("\n"));
    const keep = error >= 0 ? text.length - error - 1 : `\n${START}`.startsWith(begun) ? begun.length - 1 : 0;
    this.#release(keep > HELD_MAX ? 0 : keep);
  }

  /** Passes on the bytes that were held back. Called when the program has not failed. */
  end(): void {
    this.#release(0);
  }

  #release(keep: number): void {
    const text = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(text.length);
    if (text === "") return;
    this.#isLineStart = text.endsWith("\n");
    this.#passOn(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }
}
