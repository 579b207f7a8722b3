import assert from "node:assert/strict";
import { TimedLines } from "./formats.ts";
Deno.test("TimedLines shows whole lines of the wanted times, however they are cut", () => {
  const timeOf = (head: Uint8Array) => /^T(\d+)/.exec(new TextDecoder().decode(head))?.[1];
  const shown = (text: string, chunkBytes: number) => {
    const format = new TimedLines((head) => timeOf(head)?.padStart(4, "0"), {});
    const data = new TextEncoder().encode(text);
    const lines = [];
    for (let at = 0; at < data.length; at += chunkBytes) lines.push(...format.decode(data.slice(at, at + chunkBytes)));
    return [...lines, ...format.end()].map((line) => new TextDecoder().decode(line.data));
  };
  for (const chunkBytes of [1, 3, 100]) {
    assert.deepEqual(shown("T1 one\nno time\n\nT2 two\nT3 cut", chunkBytes), ["T1 one", "T2 two"]);
  }
  const iso = (head: Uint8Array) => new TextDecoder().decode(head.subarray(0, 24));
  const range = { since: new Date("2026-01-02T00:00:00Z"), until: new Date("2026-01-03T00:00:00Z") };
  const counts = new TimedLines(iso, range).lineCounter();
  const days = [1, 2, 3, 4].map((day) => counts(new TextEncoder().encode(`2026-01-0${day}T00:00:00.000Z x`)));
  assert.deepEqual(days, [false, true, true, false]);
});
