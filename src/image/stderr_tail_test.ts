import assert from "node:assert/strict";
import { StderrTail } from "./stderr_tail.ts";

function lastWordsOf(...chunks: string[]): string {
  const words = new StderrTail();
  for (const chunk of chunks) words.push(new TextEncoder().encode(chunk));
  return words.text();
}

Deno.test("StderrTail keeps the last error and the text after it, on one line", () => {
  assert.equal(lastWordsOf("Trying to pull a...\n", "Error: one\nError: two:\n", "\t* three\n"), "two: * three");
  assert.equal(lastWordsOf("Err", "or: sp", "lit\n"), "split");
  const log = 'time="2026-11-23T12:00:00Z" level=warning msg="failed to shutdown storage"\n';
  assert.equal(lastWordsOf(log, "Error: one\n", log, "\t* two\n", log), "one * two");
});

Deno.test("StderrTail keeps the last line when there is no error", () => {
  assert.equal(lastWordsOf("Copying blob\n", "Killed\n"), "Killed");
  assert.equal(lastWordsOf(), "");
});

Deno.test("StderrTail keeps only the end", () => {
  assert.equal(lastWordsOf("Error: old\n", "x".repeat(10_000), "\nthe end"), "the end");
  assert.equal(lastWordsOf("y".repeat(10_000)).length, 4096);
});

Deno.test("StderrTail removes control characters of a registry's answer", () => {
  assert.equal(lastWordsOf("Error: \x1b]0;title\x07\x9bred\n"), "]0;title red");
});
