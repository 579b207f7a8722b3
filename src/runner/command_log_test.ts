import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { configureLog } from "../log.ts";
import { Records } from "../logs/formats.ts";
import { LogReader } from "../logs/log_reader.ts";
import { CommandLog } from "./command_log.ts";

/** Runs a test with the path of a log that does not exist yet. */
function withPath(test: (path: string) => void): void {
  using folder = makeTempFolder();
  test(`${folder.path}/command.log`);
}

/** Limits that no test reaches that is not about them. */
const LIMITS = { maxBytes: 2 ** 20, maxFiles: 3 };

const bytes = (text: string) => new TextEncoder().encode(text);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;

/** The lines of a log without their times. */
function linesOf(path: string): string[] {
  const [last, ...lines] = Deno.readTextFileSync(path).split("\n").reverse();
  assert.equal(last, "", "each line ends");
  return lines.reverse().map((line) => {
    assert.match(line, TIME);
    return line.replace(TIME, "");
  });
}

Deno.test("CommandLog writes a record for each line of the output, with time and stream", () =>
  withPath((path) => {
    const before = new Date().toISOString();
    using log = new CommandLog(path, LIMITS);
    log.write("stdout", bytes("one\n\nthree\n"));
    log.write("stderr", bytes("oh\n"));
    assert.deepEqual(linesOf(path), ["stdout F one", "stdout F ", "stdout F three", "stderr F oh"]);
    const [time] = Deno.readTextFileSync(path).split(" ");
    assert.ok(before <= time! && time! <= new Date().toISOString(), time);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  }));

Deno.test("CommandLog marks the parts of a line that is not complete", () =>
  withPath((path) => {
    using log = new CommandLog(path, LIMITS);
    for (const chunk of ["Pass", "", "word: ", "\nnext\nla", "st\n"]) log.write("stdout", bytes(chunk));
    assert.deepEqual(linesOf(path), [
      "stdout P Pass",
      "stdout P word: ",
      "stdout F ",
      "stdout F next",
      "stdout P la",
      "stdout F st",
    ]);
  }));

Deno.test("CommandLog keeps every byte", () =>
  withPath((path) => {
    using log = new CommandLog(path, LIMITS);
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    log.write("stdout", all);
    const written = Deno.readFileSync(path);
    const head = "2026-11-23T12:00:00.000Z stdout F ".length;
    // The newline in these bytes ends the first line.
    const rest = 2 * head + 11;
    assert.deepEqual(written.subarray(head, head + 11), all.subarray(0, 11));
    assert.deepEqual(written.subarray(rest), new Uint8Array([...all.subarray(11), 10]));
  }));

Deno.test("CommandLog appends to the log of the last run", () =>
  withPath((path) => {
    for (const run of ["first", "second"]) {
      using log = new CommandLog(path, LIMITS);
      log.write("stdout", bytes(`${run}\n`));
    }
    assert.deepEqual(linesOf(path), ["stdout F first", "stdout F second"]);
  }));

/** The length of a record that {@linkcode writeLines} writes. */
const LINE_BYTES = 41;

function writeLines(log: CommandLog, from: number, to: number): void {
  for (let line = from; line <= to; line++) log.write("stdout", bytes(`line${`${line}`.padStart(2, "0")}\n`));
}
const numbers = (path: string) => linesOf(path).map((line) => Number(line.slice(-2)));

Deno.test("CommandLog starts a new file when one is full, and keeps two older ones", () =>
  withPath((path) => {
    using log = new CommandLog(path, { maxBytes: 3 * LINE_BYTES, maxFiles: 3 });
    writeLines(log, 1, 3);
    assert.equal(Deno.statSync(path).size, 3 * LINE_BYTES, "it is full");
    assert.throws(() => Deno.statSync(`${path}.1`), Deno.errors.NotFound);
    writeLines(log, 4, 11);
    assert.deepEqual([path, `${path}.1`, `${path}.2`].map(numbers), [[10, 11], [7, 8, 9], [4, 5, 6]]);
    assert.throws(() => Deno.statSync(`${path}.3`), Deno.errors.NotFound);
  }));

Deno.test("CommandLog with a limit of one file replaces it, and readers can finish the old one", () =>
  withPath((path) => {
    using log = new CommandLog(path, { maxBytes: 2 * LINE_BYTES, maxFiles: 1 });
    writeLines(log, 1, 2);
    using full = Deno.openSync(path);
    writeLines(log, 3, 5);
    assert.deepEqual(numbers(path), [5]);
    assert.equal(full.statSync().size, 2 * LINE_BYTES);
    assert.throws(() => Deno.statSync(`${path}.1`), Deno.errors.NotFound);
  }));

Deno.test("CommandLog removes older files beyond a limit that was lowered", () =>
  withPath((path) => {
    const limitOf = (maxFiles: number) => ({ maxBytes: LINE_BYTES, maxFiles });
    {
      using log = new CommandLog(path, limitOf(4));
      writeLines(log, 1, 4);
    }
    using _ = new CommandLog(path, limitOf(2));
    assert.deepEqual([path, `${path}.1`].map(numbers), [[4], [3]]);
    for (const age of [2, 3]) assert.throws(() => Deno.statSync(`${path}.${age}`), Deno.errors.NotFound);
  }));

Deno.test("CommandLog ends a record that a crash has cut off before it appends", () =>
  withPath((path) => {
    Deno.writeTextFileSync(path, "2026-11-23T12:00:00.000Z stdout F ha");
    using log = new CommandLog(path, LIMITS);
    for (const line of ["one\n", "two\n"]) log.write("stdout", bytes(line));
    assert.deepEqual(linesOf(path), ["stdout F ha", "stdout F one", "stdout F two"]);
  }));

Deno.test("CommandLog counts the size left by the last run, and accepts output larger than a file", () =>
  withPath((path) => {
    const limit = { maxBytes: 2 * LINE_BYTES, maxFiles: 3 };
    {
      using log = new CommandLog(path, limit);
      writeLines(log, 1, 2);
    }
    using log = new CommandLog(path, limit);
    writeLines(log, 3, 3);
    assert.deepEqual([path, `${path}.1`].map(numbers), [[3], [1, 2]]);
    log.write("stdout", bytes("x".repeat(1000)));
    assert.deepEqual(numbers(`${path}.1`), [3]);
    assert.deepEqual(linesOf(path), [`stdout P ${"x".repeat(1000)}`]);
  }));

Deno.test("CommandLog does not rotate an empty file", () =>
  withPath((path) => {
    using log = new CommandLog(path, { maxBytes: LINE_BYTES - 1, maxFiles: 3 });
    writeLines(log, 1, 1);
    assert.deepEqual(numbers(path), [1]);
    assert.throws(() => Deno.statSync(`${path}.1`), Deno.errors.NotFound);
  }));

Deno.test("CommandLog rotates so that a reader that follows it gets every line exactly once", () => {
  // The reader may fall behind by one rotation for each older file.
  for (const [maxFiles, every] of [[1, 1], [2, 2], [3, 3], [3, 5], [10, 17]] as const) {
    withPath((path) => {
      using log = new CommandLog(path, { maxBytes: 2 * LINE_BYTES, maxFiles });
      using reader = new LogReader(path, new Records());
      let read = "";
      const readOn = () => read += [...reader.read(false)].map(({ data }) => new TextDecoder().decode(data)).join("");
      for (let line = 1; line <= 99; line++) {
        writeLines(log, line, line);
        if (line % every === 0) readOn();
      }
      readOn();
      const written = Array.from({ length: 99 }, (_, index) => `line${`${index + 1}`.padStart(2, "0")}\n`);
      assert.equal(read, written.join(""), `${maxFiles} files, read every ${every} lines`);
    });
  }
});

/** Fails unless a log that `prepare` has broken reports the reason once and throws nothing. */
function assertGivesUp(reason: string, prepare: (path: string) => void): void {
  withPath((path) => {
    prepare(path);
    const said: string[] = [];
    configureLog({ level: "warn", sink: (line) => said.push(line) });
    try {
      using log = new CommandLog(path, { maxBytes: LINE_BYTES, maxFiles: 3 });
      writeLines(log, 1, 3);
    } finally {
      configureLog({ level: "warn", sink: () => {} });
    }
    assert.equal(said.length, 1);
    assert.ok(said[0]!.includes(`Cannot log the command's output any further: ${reason}`), said[0]);
  });
}

Deno.test({
  name: "CommandLog stops on a full disk",
  ignore: Deno.build.os !== "linux", // which has a file that is always full
  fn: () => assertGivesUp("No space left on device", (path) => Deno.symlinkSync("/dev/full", path)),
});

Deno.test("CommandLog stops when it cannot rename a full file", () =>
  assertGivesUp("Is a directory", (path) => Deno.mkdirSync(`${path}.1`)));
