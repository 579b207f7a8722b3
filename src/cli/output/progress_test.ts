import assert from "node:assert/strict";
import { formatProgress } from "./progress.ts";

const progress = (file: string, fileDone: number, fileBytes: number) => ({ file, fileDone, fileBytes, done: 0 });

Deno.test("formatProgress() shows a file and how much of it has been copied", () => {
  assert.equal(
    formatProgress(progress("sub/big", 50e6, 200e6), 80),
    "sub/big  [======>                 ]  25%  50 MB of 200 MB",
  );
  assert.equal(formatProgress(progress("", 7, 7), 80), "[========================] 100%  7 B of 7 B");
  assert.equal(formatProgress(progress("empty", 0, 0), 80), "empty  [========================] 100%  0 B of 0 B");
});

Deno.test("formatProgress() fits any terminal, and shows no escape sequences in file names", () => {
  const long = formatProgress(progress(`${"folder/".repeat(20)}name`, 1, 2), 80);
  assert.match(long, /^\u2026.*\/name {2}\[/);
  assert.equal([...long].length, 79);
  for (let columns = 0; columns < 80; columns++) {
    const line = formatProgress(progress("some/file", 1, 2), columns);
    assert.ok(line.length <= Math.max(0, columns - 1), line);
  }
  assert.ok(!formatProgress(progress("a\x1b[2Jb", 1, 2), 80).includes("\x1b"));
});
