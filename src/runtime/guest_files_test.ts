import assert from "node:assert/strict";
import { type ToolGuest, withGuest } from "../../tests/helpers/tool_guest.ts";
import { SmolvmError } from "../errors.ts";
import { MSG } from "../protocol/constants.ts";
import { encodeExited } from "../protocol/messages.ts";
import { GuestFiles } from "./guest_files.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** An answer of the agent's tool. */
interface Answer {
  output?: string | Uint8Array;
  said?: string;
  code?: number;
}

interface Scene extends ToolGuest {
  files: GuestFiles;
  /** Answers like the tool; returns the tool's arguments. */
  answer(answer?: Answer): Promise<string[]>;
  /** Asserts that an action fails with this error after the guest's answer. */
  fails(doing: Promise<unknown>, code: string, message: string, answer: Answer): Promise<void>;
}

const withFiles = (test: (scene: Scene) => Promise<void>) =>
  withGuest("files", async (guest) => {
    const answer = async ({ output = "", said, code = 0 }: Answer = {}) => {
      const argv = await guest.tool();
      const data = typeof output === "string" ? bytes(output) : output;
      if (data.length > 0) await guest.say(MSG.STDOUT, data);
      if (said !== undefined) await guest.say(MSG.STDERR, bytes(said));
      // A client that received too much may have disconnected.
      await guest.say(MSG.EXITED, encodeExited({ code })).catch(() => {});
      return argv;
    };
    const fails: Scene["fails"] = async (doing, code, message, reply) => {
      const failing = assertFails(doing, code, message);
      await answer(reply);
      await failing;
    };
    await test({ ...guest, files: new GuestFiles(() => guest.machine), answer, fails });
  });

async function assertFails(doing: Promise<unknown>, code: string, message: string): Promise<void> {
  await assert.rejects(doing, (error) => {
    assert.ok(error instanceof SmolvmError);
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  });
}

Deno.test("readFile() and readTextFile() return the content that the guest sends", () =>
  withFiles(async ({ files, tool, say, answer }) => {
    const reading = files.readFile("/etc/x");
    assert.deepEqual(await tool(), ["read", "//etc/x"]);
    for (const part of [[1, 2], [3]]) await say(MSG.STDOUT, new Uint8Array(part));
    await say(MSG.EXITED, encodeExited({ code: 0 }));
    assert.deepEqual(await reading, new Uint8Array([1, 2, 3]));
    const text = files.readTextFile("x");
    assert.deepEqual(await answer({ output: "k\u{e4}se" }), ["read", "/x"]);
    assert.equal(await text, "k\u{e4}se");
  }));

Deno.test("readFile() ends the tool when the guest sends more than allowed", () =>
  withFiles(async ({ files, tool, say, left }) => {
    const reading = files.readFile("big", { maxBytes: 3 });
    const failing = assertFails(reading, "file", 'Cannot read "web:big": It has more than 3 bytes');
    await tool();
    await say(MSG.STDOUT, bytes("four"));
    await failing;
    await left();
  }));

Deno.test("GuestFiles reports the failed action, and distinguishes missing files", () =>
  withFiles(async ({ files, fails }) => {
    const no = "No such file or directory";
    await fails(files.readFile("/x"), "no-file", `Cannot read "web:/x": ${no}`, { said: `${no}\n`, code: 3 });
    await fails(files.writeTextFile("/", ""), "file", 'Cannot write "web:/": Is a directory', {
      said: "Is a directory\n",
      code: 1,
    });
    const busy = '"data": Device or resource busy';
    await fails(files.remove("a", { recursive: true }), "file", `Cannot remove "web:a": ${busy}`, {
      said: `${busy}\n`,
      code: 1,
    });
    await fails(files.mkdir("a"), "file", 'Cannot make folder "web:a": File exists', { said: "File exists", code: 1 });
    await fails(files.stat("a"), "file", `Cannot stat "web:a": The guest's agent ended with code 9`, { code: 9 });
    await fails(files.readDir("a"), "no-file", `Cannot list "web:a": ${no}`, { said: no, code: 3 });
  }));

Deno.test("writeFile() sends bytes and streams in parts, the last one empty", () =>
  withFiles(async ({ files, tool, input, say }) => {
    const stream = ReadableStream.from([bytes("ab"), bytes(""), bytes("c")]);
    for (const data of [bytes("abc"), stream]) {
      const writing = files.writeFile("/x", data, { mode: 0o750 });
      assert.deepEqual(await tool(), ["write", "//x", "750"]);
      const parts = data instanceof Uint8Array ? [3, 0, 0, 0, 97, 98, 99] : [2, 0, 0, 0, 97, 98, 1, 0, 0, 0, 99];
      assert.deepEqual(await input(), [...parts, 0, 0, 0, 0]);
      await say(MSG.EXITED, encodeExited({ code: 0 }));
      await writing;
    }
    const writing = files.writeFile("/x", new Uint8Array(70_000));
    assert.deepEqual(await tool(), ["write", "//x"]);
    assert.equal((await input()).length, 4 + 65_532 + 4 + 4468 + 4);
    await say(MSG.EXITED, encodeExited({ code: 0 }));
    await writing;
  }));

Deno.test("writeFile() sends no end marker for a failed stream, and throws the stream's error", () =>
  withFiles(async ({ files, tool, input }) => {
    const reason = new Error("broken");
    async function* stream() {
      yield await Promise.resolve(bytes("a"));
      throw reason;
    }
    const failing = assert.rejects(files.writeFile("/x", stream()), reason);
    await tool();
    const given = await input();
    await failing;
    assert.notDeepEqual(given.slice(-4), [0, 0, 0, 0]);
  }));

Deno.test("readDir() lists a folder sorted by name", () =>
  withFiles(async ({ files, answer }) => {
    const listing = files.readDir("srv");
    assert.deepEqual(await answer({ output: "fb\0d...\0la\nb\0o \0" }), ["list", "/srv"]);
    const kind = { isFile: false, isDirectory: false, isSymlink: false };
    assert.deepEqual(await listing, [
      { ...kind, name: " " },
      { ...kind, name: "...", isDirectory: true },
      { ...kind, name: "a\nb", isSymlink: true },
      { ...kind, name: "b", isFile: true },
    ]);
    const empty = files.readDir("");
    assert.deepEqual(await answer(), ["list", "/"]);
    assert.deepEqual(await empty, []);
  }));

Deno.test("readDir() refuses invalid names, and names that are not UTF-8", () =>
  withFiles(async ({ files, fails }) => {
    const nonsense = `Cannot list "web:x": The guest's agent sent an invalid answer`;
    for (const output of ["fa", "xa\0", "f\0", "\0", "f.\0", "d..\0", "fa/b\0", "fa\0f/\0", "f../../x\0"]) {
      await fails(files.readDir("x"), "guest", nonsense, { output });
    }
    const latin = new Uint8Array([0x66, 0xe4, 0]);
    await fails(files.readDir("x"), "file", 'Cannot list "web:x": A name in it is not UTF-8', { output: latin });
  }));

Deno.test("stat() and lstat() return the properties of a file", () =>
  withFiles(async ({ files, answer }) => {
    const status = files.stat("a");
    assert.deepEqual(await answer({ output: "f 5000000000 4751 12 34 -2 500000000\n" }), ["stat", "-L", "/a"]);
    assert.deepEqual(await status, {
      isFile: true,
      isDirectory: false,
      isSymlink: false,
      size: 5e9,
      mode: 0o4751,
      uid: 12,
      gid: 34,
      mtime: new Date(-1500),
    });
    const link = files.lstat("a");
    assert.deepEqual(await answer({ output: "l 4 777 0 0 0 0\n" }), ["stat", "/a"]);
    assert.equal((await link).isSymlink, true);
  }));

Deno.test("stat() refuses invalid answers", () =>
  withFiles(async ({ files, fails }) => {
    const nonsense = `Cannot stat "web:x": The guest's agent sent an invalid answer`;
    const lines = [
      "",
      "f",
      "x 1 1 1 1 1 1\n",
      "f -1 1 1 1 1 1\n",
      "f 1 8 1 1 1 1\n",
      `f 1 1 1 1 ${"9".repeat(13)} 1\n`,
    ];
    for (const output of lines) await fails(files.stat("x"), "guest", nonsense, { output });
    const long = 'Cannot stat "web:x": It has more than 256 bytes';
    await fails(files.stat("x"), "file", long, { output: "f".repeat(257) });
  }));

Deno.test("remove() and mkdir() pass on their options", () =>
  withFiles(async ({ files, answer }) => {
    const ask = async (doing: () => Promise<void>, expected: string[]) => {
      const done = doing();
      assert.deepEqual(await answer(), expected);
      await done;
    };
    await ask(() => files.remove("a"), ["remove", "/a"]);
    await ask(() => files.remove("a", { recursive: true }), ["remove", "-r", "/a"]);
    await ask(() => files.mkdir("a"), ["mkdir", "/a", "755"]);
    await ask(() => files.mkdir("a", { recursive: true, mode: 0o1700 }), ["mkdir", "-p", "/a", "1700"]);
  }));

Deno.test("copyIn() and copyOut() copy without owners and follow no symlink by default", () =>
  withGuest("tar", async ({ machine, here, tool, say }) => {
    const files = new GuestFiles(() => machine);
    Deno.writeTextFileSync(`${here}/file`, "");
    const copied = files.copyIn(`${here}/file`, "/srv");
    assert.deepEqual(await tool(), ["extract", "//srv", "file"]);
    await say(MSG.EXITED, encodeExited({ code: 0 }));
    await copied;
    const gone = new AbortController();
    const copying = files.copyOut("/srv", `${here}/new`, { signal: gone.signal, followLink: true });
    assert.deepEqual(await tool(), ["create", "-L", "//srv", "."]);
    gone.abort(new Error("enough"));
    await assert.rejects(copying, { message: "enough" });
    assert.deepEqual([...Deno.readDirSync(here)].map(({ name }) => name), ["file"]);
  }));

Deno.test("copyIn() and copyOut() transfer tar archives as streams", () =>
  withGuest("tar", async ({ machine, tool, say, input }) => {
    const files = new GuestFiles(() => machine);
    const archive = new Blob(["archive"]).stream();
    const copied = files.copyIn(archive, "/srv", { keepOwner: true });
    assert.deepEqual(await tool(), ["extract", "-a", "//srv"]);
    assert.equal(String.fromCharCode(...await input()), "archive");
    await say(MSG.EXITED, encodeExited({ code: 0 }));
    await copied;
    let taken = "";
    const copying = files.copyOut("/srv", (data) => Promise.resolve(void (taken += new TextDecoder().decode(data))));
    assert.deepEqual(await tool(), ["create", "//srv", "srv"]);
    await say(MSG.STDOUT, new TextEncoder().encode("archive"));
    await say(MSG.EXITED, encodeExited({ code: 0 }));
    await copying;
    assert.equal(taken, "archive");
  }));

Deno.test("GuestFiles disconnects from the guest's tool when its signal is aborted, and throws the reason", () =>
  withFiles(async ({ files, tool, left }) => {
    const controller = new AbortController();
    const reading = assert.rejects(files.readFile("x", { signal: controller.signal }), { name: "AbortError" });
    await tool();
    controller.abort();
    await reading;
    await left();
    await assert.rejects(files.remove("x", { signal: controller.signal }), { name: "AbortError" });
  }));

Deno.test("GuestFiles refuses invalid paths and permissions before connecting to the guest", () =>
  withFiles(async ({ files }) => {
    for (const path of ["a\0b", "\ud800"]) {
      await assertFails(files.stat(path), "usage", `Cannot stat "web:${path}": It is not a valid file name`);
    }
    for (const mode of [-1, 0o10000, 1.5, NaN]) {
      const message = `Cannot make folder "web:a": ${mode} are not valid permissions, expected 0 to 0o7777`;
      await assertFails(files.mkdir("a", { mode }), "usage", message);
    }
  }));
