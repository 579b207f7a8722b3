import assert from "node:assert/strict";
import { pause } from "../../tests/helpers/until.ts";
import { OutputQueue } from "./output_queue.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("takeText() decodes the unread output, even a character that spans chunks", async () => {
  const queue = new OutputQueue(1000);
  const euro = bytes("\u{20ac}");
  await queue.push({ stream: "stdout", data: euro.subarray(0, 1) });
  await queue.push({ stream: "stderr", data: bytes("oops") });
  await queue.push({ stream: "stdout", data: euro.subarray(1) });
  queue.end();
  assert.deepEqual(queue.takeText(), { stdout: "\u{20ac}", stderr: "oops" });
  assert.deepEqual(queue.takeText(), { stdout: "", stderr: "" });
});

Deno.test("OutputQueue keeps unread output up to the limit", async () => {
  const queue = new OutputQueue(10);
  await queue.push({ stream: "stdout", data: new Uint8Array(10) });
  await assert.rejects(queue.push({ stream: "stdout", data: new Uint8Array(1) }), {
    code: "guest",
    message: "The command wrote more than 10 bytes",
  });
});

Deno.test("OutputQueue counts changes of streams towards the limit", async () => {
  const queue = new OutputQueue(10_000);
  const pushAll = async () => {
    for (let at = 0; at < 1000; at++) await queue.push({ stream: at % 2 ? "stdout" : "stderr", data: bytes("x") });
  };
  await assert.rejects(pushAll(), { code: "guest" });
});

Deno.test("read() yields one chunk per change of streams, and makes push() wait", async () => {
  const queue = new OutputQueue(1);
  const read = queue.read();
  const first = read.next();
  const large = { stream: "stdout" as const, data: new Uint8Array(200 * 1024) };
  let settled = 0;
  const pushed = [large, large].map((chunk) => queue.push(chunk).then(() => settled++));
  await pause(10);
  assert.equal((await first).value!.data.length, 400 * 1024);
  assert.equal(settled, 2);
  const more = [large, { ...large, stream: "stderr" as const }].map((chunk) => queue.push(chunk).then(() => settled++));
  await pause(10);
  assert.equal(settled, 3, "400 KiB are still to be taken");
  assert.deepEqual((await read.next()).value, large);
  await Promise.all([...pushed, ...more]);
  assert.equal((await read.next()).value!.stream, "stderr");
  queue.end();
  assert.equal((await read.next()).done, true);
});

Deno.test("end() releases a waiting push()", async () => {
  const queue = new OutputQueue(1);
  const read = queue.read();
  read.next();
  const pushed = ["a", "b"].map(() => queue.push({ stream: "stdout", data: new Uint8Array(300 * 1024) }));
  queue.end();
  await Promise.all(pushed);
  await queue.push({ stream: "stdout", data: bytes("late") });
});

Deno.test("takeText() returns nothing when a reader iterates", async () => {
  const queue = new OutputQueue(100);
  const read = queue.read();
  const first = read.next();
  await queue.push({ stream: "stdout", data: bytes("1") });
  await first;
  await queue.push({ stream: "stdout", data: bytes("2") });
  queue.end();
  assert.deepEqual(queue.takeText(), { stdout: "", stderr: "" });
  assert.deepEqual((await read.next()).value, { stream: "stdout", data: bytes("2") });
});
