import assert from "node:assert/strict";
import { tarArchive } from "../../tests/helpers/archive.ts";
import { withGuest } from "../../tests/helpers/tool_guest.ts";
import { SmolvmError } from "../errors.ts";
import { MSG } from "../protocol/constants.ts";
import { encodeExited } from "../protocol/messages.ts";
import {
  archiveFromMachine,
  copyFromMachine,
  copyToMachine,
  extractInMachine,
  type MachineCopyOptions,
} from "./copy.ts";
import { until } from "../../tests/helpers/until.ts";

function makeOptions(changes: Partial<MachineCopyOptions> = {}): MachineCopyOptions {
  const onWarning = (text: string) => assert.fail(text);
  return { keepOwner: false, followLink: false, onWarning, until: new Promise(() => {}), ...changes };
}

const text = (line: string) => new TextEncoder().encode(line);
const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name);

/** Fails unless a copy rejects with that message and the code `copy`. */
async function assertFails(copy: Promise<void>, message: string): Promise<void> {
  await assert.rejects(copy, (error) => {
    assert.ok(error instanceof SmolvmError);
    assert.deepEqual([error.code, error.message], ["copy", message]);
    return true;
  });
}

Deno.test("copyToMachine() sends the guest an archive and warns about files that it leaves out", () =>
  withGuest("tar", async ({ machine, here, tool, say, input }) => {
    Deno.writeTextFileSync(`${here}/file`, "content");
    // A time in whole seconds needs no extended header, which would make the archive shorter.
    Deno.utimeSync(`${here}/file`, 0, 0.5);
    const said: string[] = [];
    const options = makeOptions({ keepOwner: true, onWarning: (line) => said.push(line) });
    const copying = copyToMachine(`${here}/file`, { machine, path: "srv/" }, options);
    assert.deepEqual(await tool(), ["extract", "-a", "/srv/", "file"]);
    assert.equal((await input()).length, 4 * 512 + 2 * 512);
    await say(MSG.STDERR, text('"a\x1b" is left'));
    await say(MSG.STDERR, text(" out\n"));
    await say(MSG.EXITED, encodeExited({ code: 0 }));
    await copying;
    assert.deepEqual(said, ['"a?" is left out']);
  }));

Deno.test("copyToMachine() reports a failure on the host and in the guest", () =>
  withGuest("tar", async ({ machine, here, tool, say, die }) => {
    const target = { machine, path: "/big" };
    const missing = copyToMachine(`${here}/none`, target, makeOptions());
    await Promise.all([tool(), assertFails(missing, `Cannot copy "${here}/none": No such file or directory`)]);
    for (const how of ["full", "killed", "gone"]) {
      const said: string[] = [];
      const copying = copyToMachine(here, target, makeOptions({ onWarning: (line) => said.push(line) }));
      const reason = {
        full: '"here/x": No space left on device',
        killed: "The guest's agent ended with signal 9",
        gone: 'Machine "web" ended before the command',
      }[how];
      const failing = assertFails(copying, `Cannot copy to "web:/big": ${reason}`);
      await tool();
      if (how === "full") await say(MSG.STDERR, text(`warning\n${reason}\n`));
      if (how !== "gone") await say(MSG.EXITED, encodeExited(how === "full" ? { code: 1 } : { signal: 9 }));
      else die();
      await failing;
      assert.deepEqual(said, how === "full" ? ["warning"] : []);
    }
  }));

Deno.test("a copy of files that change meanwhile copies all other files and fails at the end", () =>
  withGuest("tar", async ({ machine, here, tool, say, input }) => {
    const said: string[] = [];
    const options = makeOptions({ onWarning: (line) => said.push(line) });
    const reason = "1 of its files changed or could not be read";
    const incomplete = async () => {
      await say(MSG.STDERR, text(`"x" is left out\n${reason}\n`));
      await say(MSG.STDOUT);
      await say(MSG.EXITED, encodeExited({ code: 3 }));
    };
    const out = copyFromMachine({ machine, path: "/etc" }, `${here}/new`, options);
    const failing = assertFails(out, `Cannot copy all of "web:/etc": ${reason}`);
    await tool();
    await say(MSG.STDOUT, await tarArchive({ name: "./file", data: "content" }));
    await incomplete();
    await failing;
    assert.equal(Deno.readTextFileSync(`${here}/new/file`), "content");
    const stream = archiveFromMachine({ machine, path: "/etc" }, () => Promise.resolve(), options);
    const failingStream = assertFails(stream, `Cannot copy all of "web:/etc": ${reason}`);
    await tool();
    await incomplete();
    await failingStream;

    for (const name of ["1", "2"]) Deno.writeTextFileSync(`${here}/new/${name}`, "x");
    let first: string | undefined;
    const onProgress = ({ file }: { file: string }) => {
      if (first === undefined && file !== "file") Deno.removeSync(`${here}/new/${file === "1" ? "2" : "1"}`);
      if (file !== "file") first = file;
    };
    const into = copyToMachine(`${here}/new`, { machine, path: "/x" }, { ...options, onProgress });
    const failingInto = assertFails(into, `Cannot copy all of "${here}/new": ${reason}`);
    await tool();
    await input();
    await say(MSG.EXITED, encodeExited({ code: 0 }));
    await failingInto;
    assert.deepEqual(said, [
      '"x" is left out',
      '"x" is left out',
      `"${first === "1" ? "2" : "1"}" is left out: it has vanished`,
    ]);
  }));

Deno.test("a copy gets its name from the end of the source path", () =>
  withGuest("tar", async ({ machine, here, tool, say }) => {
    Deno.mkdirSync(`${here}/folder`);
    const names = [["folder", "folder"], ["folder/", "folder"], ["folder/.", "."], ["folder/../folder", "folder"]];
    for (const [source, name] of names) {
      const copying = copyToMachine(`${here}/${source}`, { machine, path: "" }, makeOptions());
      assert.deepEqual(await tool(), ["extract", "/", name]);
      await say(MSG.EXITED, encodeExited({ code: 0 }));
      await copying;
    }
    for (const [source, name] of [["etc/", "etc"], ["/", "."], ["/etc/.", "."], ["", "."], ["a/..", "."]]) {
      const copying = archiveFromMachine({ machine, path: source! }, () => Promise.resolve(), makeOptions());
      assert.deepEqual(await tool(), ["create", `/${source}`, name]);
      await say(MSG.EXITED, encodeExited({ code: 0 }));
      await copying;
    }
  }));

Deno.test("copyFromMachine() unpacks the guest's archive and reports failures", () =>
  withGuest("tar", async ({ machine, here, tool, say }) => {
    const copy = (path: string, destination: string, options = makeOptions()) =>
      copyFromMachine({ machine, path }, `${here}/${destination}`, options);
    const archive = await tarArchive({ name: "./file", data: "content" });
    const copied = copy("/etc", "new", makeOptions({ followLink: true }));
    assert.deepEqual(await tool(), ["create", "-L", "//etc", "."]);
    await say(MSG.STDOUT, archive);
    await say(MSG.STDOUT);
    await say(MSG.EXITED, encodeExited({ code: 0 }));
    await copied;
    assert.equal(Deno.readTextFileSync(`${here}/new/file`), "content");

    const fail = async (message: string, destination: string, ...said: [number, Uint8Array][]) => {
      const failing = assertFails(copy("/none", destination), message);
      await tool();
      for (const [type, payload] of said) await say(type, payload).catch(() => {});
      await failing;
    };
    const no = "No such file or directory";
    const ended: [number, Uint8Array] = [MSG.EXITED, encodeExited({ code: 1 })];
    await fail(`Cannot copy "web:/none": ${no}`, "x", [MSG.STDERR, text(`${no}\n`)], ended);
    await fail(`Cannot copy to "${here}/no/such": ${no}`, "no/such", [MSG.STDOUT, archive]);
    const evil = await tarArchive({ name: "../evil", data: "x" });
    const out = "It would leave the destination";
    await fail(`Cannot copy to "${here}/new": "../evil": ${out}`, "new", [MSG.STDOUT, evil], [MSG.STDOUT, evil], [
      MSG.STDOUT,
      evil,
    ]);
    const done: [number, Uint8Array] = [MSG.EXITED, encodeExited({ code: 0 })];
    const half = archive.subarray(0, 1028);
    await fail('Cannot copy "web:/none": The archive ends too early', "half", [MSG.STDOUT, half], done);
    await fail('Cannot copy "web:/none": The archive is broken', "half", [MSG.STDOUT, new Uint8Array(512).fill(1)]);
    assert.deepEqual(namesIn(`${here}/half`), []);
    assert.deepEqual(namesIn(here).sort(), ["half", "new"]);
  }));

Deno.test("a copy that is interrupted, or whose machine ends, leaves no incomplete file", () =>
  withGuest("tar", async ({ machine, here, tool, say, die }) => {
    const archive = await tarArchive({ name: "./file", data: "x".repeat(2000) });
    const interrupt = Promise.withResolvers<never>();
    const reason = new SmolvmError("interrupted", "Interrupted by SIGINT");
    for (const end of [die, () => interrupt.reject(reason)]) {
      const options = makeOptions({ until: interrupt.promise });
      const copying = copyFromMachine({ machine, path: "x" }, `${here}/new`, options);
      await tool();
      await say(MSG.STDOUT, archive.subarray(0, 2000));
      const isBegun = () => namesIn(here).includes("new") && namesIn(`${here}/new`).length > 0;
      await until(isBegun, { everyMs: 1 });
      end();
      if (end === die) await assertFails(copying, 'Cannot copy "web:x": Machine "web" ended before the command');
      else await assert.rejects(copying, reason);
      assert.deepEqual(namesIn(`${here}/new`), []);
      Deno.removeSync(`${here}/new`);
    }
  }));

Deno.test("extractInMachine() and archiveFromMachine() report a failed stream of the host", () =>
  withGuest("tar", async ({ machine, tool, say }) => {
    const broken = () => {
      throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
    };
    async function* input() {
      yield await Promise.resolve(new Uint8Array(512));
      broken();
    }
    const extracting = extractInMachine(input(), { machine, path: "/x" }, makeOptions());
    const failing = assertFails(extracting, "Cannot read the archive: Broken pipe");
    assert.deepEqual(await tool(), ["extract", "//x"]);
    await failing;
    const stdout = () => Promise.try(broken);
    const writing = assertFails(
      archiveFromMachine({ machine, path: "/x" }, stdout, makeOptions()),
      "Cannot write the archive: Broken pipe",
    );
    await tool();
    await say(MSG.STDOUT, new Uint8Array(512));
    await writing;
  }));
