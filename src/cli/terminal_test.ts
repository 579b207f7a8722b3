import assert from "node:assert/strict";
import { writeAll } from "./terminal.ts";

Deno.test("writeAll() goes on until a stream has taken everything", async () => {
  const written: number[] = [];
  const stream = {
    // As a pipe that is nearly full does.
    write(data: Uint8Array): Promise<number> {
      const taken = data.subarray(0, 3);
      written.push(...taken);
      return Promise.resolve(taken.length);
    },
  };
  await writeAll(stream as typeof Deno.stdout, new Uint8Array([1, 2, 3, 4, 5, 6, 7]));
  assert.deepEqual(written, [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("writeAll() fails when nobody reads any more", async () => {
  const stream = { write: () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe")) };
  await assert.rejects(writeAll(stream as unknown as typeof Deno.stdout, new Uint8Array(1)), Deno.errors.BrokenPipe);
});
