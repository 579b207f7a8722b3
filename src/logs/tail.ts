import { HEAD_BYTES, NEWLINE } from "./record.ts";

const BLOCK_BYTES = 64 * 1024;

/**
 * Goes to where the last lines of a log begin, without reading what is before them; returns the files that have them,
 * and closes the others.
 *
 * @param files the oldest first
 * @param counts whether a line, by its first bytes, ends one that is counted; asked from the last line on
 */
export function seekTail(files: Deno.FsFile[], lines: number, counts: (head: Uint8Array) => boolean): Deno.FsFile[] {
  let found = 0;
  for (const [index, file] of [...files.entries()].reverse()) {
    const { size } = file.statSync();
    let start = size;
    for (const { at, head } of linesBackwards(file, size)) {
      if (counts(head) && ++found > lines) {
        file.seekSync(start, Deno.SeekMode.Start);
        for (const older of files.slice(0, index)) older.close();
        return files.slice(index);
      }
      start = at;
    }
    file.seekSync(0, Deno.SeekMode.Start);
  }
  return files;
}

/** Where the lines of a file of that size begin, and their first bytes; the last line first. */
function* linesBackwards(file: Deno.FsFile, size: number): Generator<{ at: number; head: Uint8Array }> {
  // With the head of a line that begins at a block's end.
  const buffer = new Uint8Array(BLOCK_BYTES + HEAD_BYTES);
  for (let end = size; end > 0; end -= BLOCK_BYTES) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const block = buffer.subarray(0, readAt(file, start, buffer.subarray(0, Math.min(size, end + HEAD_BYTES) - start)));
    for (let index = end - start - 1; index >= 0; index--) {
      index = block.lastIndexOf(NEWLINE, index);
      const at = start + index + 1;
      if (index >= 0 && at < size) yield { at, head: block.subarray(index + 1, index + 1 + HEAD_BYTES) };
    }
    if (start === 0) yield { at: 0, head: block.subarray(0, HEAD_BYTES) };
  }
}

/** Fills a buffer from a place in a file; returns how much there was. */
function readAt(file: Deno.FsFile, position: number, buffer: Uint8Array): number {
  file.seekSync(position, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < buffer.length) {
    const count = file.readSync(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled;
}
