import assert from "node:assert/strict";
import { pause } from "../../tests/helpers/until.ts";
import { Lifeline } from "./lifeline.ts";

/** An input that reads from a stream. */
function inputOf(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  return {
    async read(buffer: Uint8Array): Promise<number | null> {
      const { done, value } = await reader.read();
      if (done) return null;
      buffer.set(value);
      return value.length;
    },
  };
}

/** An input that the test writes to. */
function makeInput() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  return {
    ...inputOf(readable),
    // Do not await this: a stream accepts a chunk only when it is read.
    write: (text: string | Uint8Array) => void writer.write(typeof text === "string" ? encoder.encode(text) : text),
    close: () => writer.close(),
    break: (error: Error) => writer.abort(error),
  };
}

Deno.test("Lifeline returns the first line, also from several chunks, and does not end after it", async () => {
  const input = makeInput();
  const lifeline = new Lifeline(input);
  let ended = false;
  lifeline.ended.then(() => ended = true);
  const bytes = new TextEncoder().encode('{"name":"\u{e4}"}\n');
  for (const byte of bytes) input.write(new Uint8Array([byte]));
  assert.equal(await lifeline.specification, '{"name":"\u{e4}"}');
  await pause(10);
  assert.equal(ended, false);
  input.write("more that nobody sends");
  await input.close();
  await lifeline.ended;
});

Deno.test("Lifeline returns undefined when the input ends before a complete line", async () => {
  for (const text of ["", "half a line"]) {
    const input = makeInput();
    const lifeline = new Lifeline(input);
    if (text !== "") input.write(text);
    await input.close();
    assert.equal(await lifeline.specification, undefined);
    await lifeline.ended;
  }
});

Deno.test("Lifeline ends with the process that holds it", async () => {
  await using holder = new Deno.Command("sh", { args: ["-c", "echo line; exec sleep 60"], stdout: "piped" }).spawn();
  const lifeline = new Lifeline(inputOf(holder.stdout));
  assert.equal(await lifeline.specification, "line");
  holder.kill("SIGKILL");
  await lifeline.ended;
});
