/** How many bytes to keep: enough for buildah's longest useful error. */
const KEPT_BYTES = 4096;

/** Keeps the end of a program's stderr, for the message of a thrown error. */
export class StderrTail {
  #kept = new Uint8Array();

  /** Adds output. */
  push(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#kept.length + chunk.length);
    joined.set(this.#kept);
    joined.set(chunk, this.#kept.length);
    this.#kept = joined.slice(-KEPT_BYTES);
  }

  /** Returns the text after the last `Error: `; without one, the last line. */
  text(): string {
    const text = new TextDecoder().decode(this.#kept).trimEnd();
    const [, error] = /(?:^|.*\n)Error: (.*)$/s.exec(text) ?? [];
    // buildah sometimes prints log lines after the error.
    return printable(error?.replace(/\ntime=".*/g, "") ?? text.slice(text.lastIndexOf("\n") + 1));
  }
}

/** Makes one line without control characters: a registry's answer can contain anything. */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim();
}
