import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { PlainText, type RecordOptions, Records } from "./formats.ts";
import { LogReader, readLogs } from "./log_reader.ts";

type Written = { stdout: string; stderr: string };

/** Runs a test with a log whose files have these texts, the oldest first. */
async function withLog(files: string[], test: (path: string) => Promise<void> | void): Promise<void> {
  using folder = makeTempFolder();
  const path = `${folder.path}/log`;
  for (const [age, text] of files.toReversed().entries()) writeFile(path, age, text);
  await test(path);
}

function writeFile(path: string, age: number, text: string): void {
  Deno.writeTextFileSync(age === 0 ? path : `${path}.${age}`, text, { append: true });
}

/** Records one minute apart, from noon on, such as `stdout F text`. */
function records(...texts: string[]): string {
  return texts.map((text, minute) => `${timeOf(minute)} ${text}\n`).join("");
}

const timeOf = (minute: number) => `2026-11-23T12:${`${minute}`.padStart(2, "0")}:00.000Z`;

/** The output of a complete log. */
async function readAll(path: string, options: RecordOptions & { tail?: number } = {}): Promise<Written> {
  using log = new LogReader(path, new Records(options), options);
  const written: Written = { stdout: "", stderr: "" };
  for await (const { stream, data } of readLogs([log], () => true)) written[stream] += new TextDecoder().decode(data);
  return written;
}

/** The next output of a reader, of both streams. */
function next(log: LogReader, isOver = false): string {
  return [...log.read(isOver)].map(({ data }) => new TextDecoder().decode(data)).join("");
}

Deno.test("LogReader returns nothing for a missing log", () =>
  withLog([], async (path) => {
    for (const tail of [undefined, 0, 3]) {
      assert.deepEqual(await readAll(path, tail === undefined ? {} : { tail }), { stdout: "", stderr: "" });
    }
  }));

Deno.test("LogReader returns the bytes of each stream as they were written", () =>
  withLog([
    records(
      "stdout F one",
      "stderr F oh",
      "stdout P Pass",
      "stdout P word: ",
      "stderr F no",
      "stdout F ",
      "stdout P end",
    ),
  ], async (path) => {
    assert.deepEqual(await readAll(path), { stdout: "one\nPassword: \nend", stderr: "oh\nno\n" });
    using log = new LogReader(path, new Records());
    const order = [...log.read(true)].map(({ stream }) => stream);
    assert.deepEqual(order, ["stdout", "stderr", "stdout", "stderr", "stdout"]);
  }));

Deno.test("LogReader keeps bytes that are not UTF-8", () =>
  withLog([], async (path) => {
    const head = new TextEncoder().encode(`${timeOf(0)} stdout F `);
    const line = Uint8Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10);
    Deno.writeFileSync(path, new Uint8Array([...head, ...line, 10]));
    using log = new LogReader(path, new Records());
    const [output, ...rest] = await Array.fromAsync(readLogs([log], () => true));
    assert.deepEqual([output?.data, rest], [new Uint8Array([...line, 10]), []]);
  }));

Deno.test("LogReader reads rotated files from the oldest on, also a line that spans two files", () =>
  withLog(
    [records("stdout F one", "stdout P tw"), records("stderr F oh", "stdout F o"), records("stdout F three")],
    async (path) => assert.deepEqual(await readAll(path), { stdout: "one\ntwo\nthree\n", stderr: "oh\n" }),
  ));

Deno.test("LogReader reads a log that is larger than its buffer", () => {
  const lines = Array.from({ length: 20_000 }, (_, line) => `line ${line}`);
  const half = (from: number, to: number) =>
    lines.slice(from, to).map((text) => `${timeOf(0)} stdout F ${text}\n`).join("");
  return withLog([half(0, 10_000), half(10_000, 20_000)], async (path) => {
    assert.equal((await readAll(path)).stdout, `${lines.join("\n")}\n`);
    for (const tail of [1, 2999, 10_000, 10_001, 19_999, 20_000, 30_000]) {
      assert.equal((await readAll(path, { tail })).stdout, `${lines.slice(-tail).join("\n")}\n`, `${tail}`);
    }
  });
});

Deno.test("LogReader prefixes each line with the time of its start", () =>
  withLog([records("stdout P on", "stderr F oh", "stdout F e", "stdout F ", "stdout P end")], async (path) => {
    assert.deepEqual(await readAll(path, { timestamps: true }), {
      stdout: `${timeOf(0)} one\n${timeOf(3)} \n${timeOf(4)} end`,
      stderr: `${timeOf(1)} oh\n`,
    });
  }));

Deno.test("LogReader returns the last lines of both streams with all their parts, across files", () => {
  const older = records("stdout F one", "stderr F two", "stdout P thr");
  const newer = records("stdout P e", "stdout F e", "stderr F four", "stdout P five");
  return withLog([older, newer], async (path) => {
    const last: [tail: number, Written][] = [
      [0, { stdout: "", stderr: "" }],
      [1, { stdout: "five", stderr: "" }],
      [2, { stdout: "five", stderr: "four\n" }],
      [3, { stdout: "three\nfive", stderr: "four\n" }],
      [4, { stdout: "three\nfive", stderr: "two\nfour\n" }],
      [9, { stdout: "one\nthree\nfive", stderr: "two\nfour\n" }],
    ];
    for (const [tail, written] of last) assert.deepEqual(await readAll(path, { tail }), written, `${tail}`);
  });
});

Deno.test("LogReader counts the last lines from the end of a log, and does not read its beginning", () =>
  withLog(["x".repeat(100), `${"x\n".repeat(100_000)}${records("stdout F one", "stdout F two")}`], (path) => {
    const { readSync } = Deno.FsFile.prototype;
    let bytes = 0;
    Deno.FsFile.prototype.readSync = function (buffer) {
      const count = readSync.call(this, buffer);
      bytes += count ?? 0;
      return count;
    };
    try {
      using log = new LogReader(path, new Records(), { tail: 1 });
      assert.equal(next(log, true), "two\n");
    } finally {
      Deno.FsFile.prototype.readSync = readSync;
    }
    assert.ok(bytes < 70_000, `${bytes} bytes`);
  }));

Deno.test("LogReader returns what was written between two times, and counts the last lines in it", () =>
  withLog(
    [records("stdout F 0", "stdout F 1"), records("stdout F 0", "stderr F 1", "stdout F 2", "stdout F 3")],
    async (path) => {
      const at = (minute: number) => new Date(timeOf(minute));
      assert.equal((await readAll(path, { since: at(2) })).stdout, "2\n3\n");
      assert.deepEqual(await readAll(path, { until: at(1) }), { stdout: "0\n1\n0\n", stderr: "1\n" });
      assert.deepEqual(await readAll(path, { since: at(1), until: at(2) }), { stdout: "1\n2\n", stderr: "1\n" });
      assert.deepEqual(await readAll(path, { until: at(2), tail: 2 }), { stdout: "2\n", stderr: "1\n" });
      assert.equal((await readAll(path, { since: at(3), tail: 2 })).stdout, "3\n");
    },
  ));

Deno.test("LogReader shows the valid part of a log that a crash cut, and skips everything that is not a record", () => {
  const garbage = `\0\0\0\n\n${timeOf(0)} stdou\nx${"y".repeat(200_000)}\n${timeOf(0)} stdout F on`;
  return withLog([garbage, records("stdout F next", "stderr P oh")], async (path) => {
    assert.deepEqual(await readAll(path), { stdout: "onnext\n", stderr: "oh" });
    assert.deepEqual(await readAll(path, { tail: 3 }), { stdout: "onnext\n", stderr: "oh" });
    Deno.writeTextFileSync(path, `${timeOf(0)} std`);
    assert.equal((await readAll(path)).stdout, "on");
  });
});

Deno.test("LogReader continues with appended data, record by record", () =>
  withLog([records("stdout F one", "stdout F two")], (path) => {
    using log = new LogReader(path, new Records(), { tail: 1 });
    assert.equal(next(log), "two\n");
    assert.equal(next(log), "");
    const [half, rest] = [records("stdout F thr"), "ee\n"];
    writeFile(path, 0, half.slice(0, -1));
    assert.equal(next(log), "", "the rest is still to come");
    writeFile(path, 0, rest);
    assert.equal(next(log, true), "three\n");
  }));

Deno.test("LogReader waits for a log that does not exist yet", () =>
  withLog([], (path) => {
    using log = new LogReader(path, new Records(), { tail: 0 });
    assert.equal(next(log), "");
    writeFile(path, 0, records("stdout F one"));
    assert.equal(next(log), "one\n", "it was written while it was followed");
  }));

Deno.test("LogReader follows a log across rotations, also several at once, and misses only removed files", () =>
  withLog([records("stdout F one")], (path) => {
    using log = new LogReader(path, new Records());
    let files = 1;
    const rotate = (text: string) => {
      for (let age = files++; age > 0; age--) {
        Deno.renameSync(age === 1 ? path : `${path}.${age - 1}`, `${path}.${age}`);
      }
      writeFile(path, 0, records(text));
    };
    assert.equal(next(log), "one\n");
    writeFile(path, 0, records("stdout F two"));
    rotate("stdout F three");
    assert.equal(next(log), "two\nthree\n");
    writeFile(path, 0, records("stdout F four"));
    for (const text of ["five", "six", "seven"]) rotate(`stdout F ${text}`);
    assert.equal(next(log), "four\nfive\nsix\nseven\n");
    for (const text of ["8", "9", "10"]) rotate(`stdout F ${text}`);
    for (let age = files - 1; age > 1; age--) Deno.removeSync(`${path}.${age}`);
    assert.equal(next(log, true), "9\n10\n");
  }));

Deno.test("LogReader shows plain text unchanged, and its last lines", () =>
  withLog(["one\ntwo\n\nthree"], (path) => {
    const lines = [[undefined, "one\ntwo\n\nthree"], [0, ""], [1, "three"], [3, "two\n\nthree"]] as const;
    for (const [tail, text] of lines) {
      using log = new LogReader(path, new PlainText("stderr"), { tail });
      const outputs = [...log.read(true)];
      assert.ok(outputs.every(({ stream }) => stream === "stderr"));
      assert.equal(outputs.map(({ data }) => new TextDecoder().decode(data)).join(""), text);
    }
  }));

Deno.test("readLogs() reads everything that was written before the log was complete, and ends", () =>
  withLog([records("stdout F one")], async (path) => {
    using log = new LogReader(path, new Records());
    let looks = 0;
    const isOver = () => {
      if (++looks === 3) writeFile(path, 0, records("stdout F last"));
      return looks === 3;
    };
    const outputs = await Array.fromAsync(readLogs([log], isOver), ({ data }) => new TextDecoder().decode(data));
    assert.deepEqual([outputs, looks], [["one\n", "last\n"], 3]);
  }));

Deno.test("readLogs() stops when its consumer or a signal stops it, and leaves no file open", () =>
  withLog([records("stdout F one"), records("stdout F two"), records("stdout F three")], async (path) => {
    const controller = new AbortController();
    const texts: string[] = [];
    const read = async (act: () => boolean) => {
      using log = new LogReader(path, new Records());
      for await (const { data } of readLogs([log], () => true, controller.signal)) {
        texts.push(new TextDecoder().decode(data));
        if (act()) break;
      }
    };
    const openFiles = () => [...Deno.readDirSync("/dev/fd")].length;
    const before = openFiles();
    await read(() => true);
    const reason = new Error("enough");
    const abort = () => {
      controller.abort(reason);
      return false;
    };
    await assert.rejects(read(abort), reason);
    assert.deepEqual(texts, ["one\n", "one\n"]);
    assert.equal(openFiles(), before);
  }));
