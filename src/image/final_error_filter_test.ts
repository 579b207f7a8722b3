import assert from "node:assert/strict";
import { FinalErrorFilter } from "./final_error_filter.ts";

/** Returns the output that is passed on of these chunks, before the end and at the end. */
function passed(...chunks: string[]): [before: string, whole: string] {
  const bytes: number[] = [];
  const filter = new FinalErrorFilter((chunk) => bytes.push(...chunk));
  const text = () => new TextDecoder().decode(new Uint8Array(bytes));
  for (const chunk of chunks) filter.push(new TextEncoder().encode(chunk));
  const before = text();
  filter.end();
  return [before, text()];
}

Deno.test("FinalErrorFilter passes on everything except a final error, and passes that error on in end()", () => {
  const outputs: [chunks: string[], before: string][] = [
    [["Trying\n", "Copying\r50%"], "Trying\nCopying\r50%"],
    [["Trying\nError: denied\n"], "Trying\n"],
    [["Error: denied\n", "time=1 level=error\n"], ""],
    [["Trying\n", "Err", "or: den", "ied\n"], "Trying\n"],
    [["Trying\nErr", "ata\n"], "Trying\nErrata\n"],
    [["no Error: here\n"], "no Error: here\n"],
    [["no ", "Error: here\n"], "no Error: here\n"],
    [["Error: one\nError: two\n"], "Error: one\n"],
    [["\u{e4}\nError: \u{e4}\n"], "\u{e4}\n"],
    [["Error: ", "x".repeat(70_000)], `Error: ${"x".repeat(70_000)}`],
  ];
  for (const [chunks, before] of outputs) assert.deepEqual(passed(...chunks), [before, chunks.join("")]);
});
