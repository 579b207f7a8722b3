import assert from "node:assert/strict";
import { readChunks, writeAll } from "./streams.ts";

Deno.test("writeAll() writes until the stream has accepted everything", async () => {
  const written: number[] = [];
  const stream = {
    // Like a pipe that is nearly full.
    write(data: Uint8Array): Promise<number> {
      const taken = data.subarray(0, 3);
      written.push(...taken);
      return Promise.resolve(taken.length);
    },
  };
  await writeAll(stream, new Uint8Array([1, 2, 3, 4, 5, 6, 7]));
  assert.deepEqual(written, [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("writeAll() fails when the reader is gone", async () => {
  const stream = { write: () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe")) };
  await assert.rejects(writeAll(stream, new Uint8Array(1)), Deno.errors.BrokenPipe);
});

Deno.test("readChunks() yields a new chunk for each read, until the end", async () => {
  const reads = [3, 1, 0, 16 * 1024, null];
  const source = {
    read(chunk: Uint8Array): Promise<number | null> {
      const count = reads.shift()!;
      chunk.fill(reads.length);
      return Promise.resolve(count);
    },
  };
  const chunks = await Array.fromAsync(readChunks(source));
  assert.deepEqual(chunks.map(({ length }) => length), [3, 1, 0, 16 * 1024]);
  assert.deepEqual(chunks.slice(0, 2).map(([first]) => first), [4, 3]);
});
