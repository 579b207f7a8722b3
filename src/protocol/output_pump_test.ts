import assert from "node:assert/strict";
import { pause } from "../../tests/helpers/until.ts";
import { OutputPump, type Sink } from "./output_pump.ts";

/** A pump and its events. */
function pumpTo(sink: Sink) {
  const consumed: number[] = [];
  const broken: unknown[] = [];
  const pump = new OutputPump(sink, {
    consumed: (bytes) => consumed.push(bytes),
    broken: (error) => broken.push(error),
  });
  return { pump, consumed, broken };
}

const bytes = (length: number) => new Uint8Array(length);

Deno.test("OutputPump writes data in order, all that came meanwhile at once, and reports it when it is written", async () => {
  const writes: { data: Uint8Array; done: () => void }[] = [];
  const { pump, consumed } = pumpTo((data) => new Promise((done) => writes.push({ data, done })));
  pump.push(bytes(3));
  await pause(0);
  for (const length of [5, 2, 0]) pump.push(bytes(length));
  await pause(0);
  assert.deepEqual(writes.map(({ data }) => data.length), [3], "the others wait for the first");
  assert.deepEqual(consumed, []);
  writes[0]!.done();
  await pause(0);
  assert.deepEqual(consumed, [3]);
  assert.deepEqual(writes.map(({ data }) => data.length), [3, 7], "the end must not be part of another chunk");
  writes[1]!.done();
  await pause(0);
  writes[2]!.done();
  await pump.drained();
  assert.deepEqual(writes.map(({ data }) => data.length), [3, 7, 0]);
  assert.deepEqual(consumed, [3, 7]);
});

Deno.test("OutputPump.drained() waits for everything that was pushed", async () => {
  const written: number[] = [];
  const { pump } = pumpTo(async (data) => {
    await pause(5);
    written.push(data.length);
  });
  for (const length of [1, 2, 3]) pump.push(bytes(length));
  await pump.drained();
  assert.deepEqual(written, [6]);
});

Deno.test("OutputPump drops data after its sink failed, reports that once and continues to give credit", async () => {
  let writes = 0;
  const failure = new Error("Broken pipe");
  const { pump, consumed, broken } = pumpTo(() => {
    writes++;
    return Promise.reject(failure);
  });
  for (const length of [1, 2, 3]) {
    pump.push(bytes(length));
    await pump.drained();
  }
  assert.equal(writes, 1);
  assert.deepEqual(broken, [failure]);
  assert.deepEqual(consumed, [1, 2, 3]);
});
