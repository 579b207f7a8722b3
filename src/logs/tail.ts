import { HEAD_BYTES, NEWLINE } from "./record.ts";

const BLOCK_BYTES = 64 * 1024;

/**
 * Seeks to the start of the last lines of a log, without reading the lines before them. Returns the files that contain
 * the last lines, and closes the others.
 *
 * @param files the oldest first
 * @param counts reports whether a line, given its first bytes, ends a counted line; called from the last line backwards
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

/** The position and the first bytes of each line of a file of this size, the last line first. */
function* linesBackwards(file: Deno.FsFile, size: number): Generator<{ at: number; head: Uint8Array }> {
  // Has room for the head of a line that starts at the end of a block.
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

/** Fills a buffer from a position in a file; returns the number of bytes read. */
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
