import { openUntrusted } from "./untrusted_file.ts";

/** How much of a file's end is read. */
const TAIL_BYTES = 8 * 1024;

/** The last `lines` lines of a log that are not blank, from its last 8 KiB; empty when there is no such file. */
export function tailOf(path: string, lines: number): string[] {
  try {
    using file = openUntrusted(path);
    const { size } = file.statSync();
    file.seekSync(Math.max(0, size - TAIL_BYTES), Deno.SeekMode.Start);
    const bytes = new Uint8Array(TAIL_BYTES);
    let length = 0;
    for (let count; (count = file.readSync(bytes.subarray(length))) !== null && count > 0;) length += count;
    const text = new TextDecoder().decode(bytes.subarray(0, length));
    return text.split(/\r?\n/).filter((line) => line.trim() !== "").slice(-lines);
  } catch {
    return []; // The lines only extend an error's text.
  }
}
