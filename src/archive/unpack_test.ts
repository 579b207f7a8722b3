import assert from "node:assert/strict";
import { inChunks, tarArchive, tarEntry, type TestEntry } from "../../tests/helpers/archive.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { encodeEnd } from "./encode.ts";
import { checksumOf } from "./entry.ts";
import { unpack, type UnpackOptions } from "./unpack.ts";

/** Runs a test with an existing folder, `to`, and a file outside it. */
async function withFolder(test: (at: (path: string) => string) => Promise<void>): Promise<void> {
  using temp = makeTempFolder();
  const at = (path: string) => `${temp.path}/${path}`;
  Deno.mkdirSync(at("to"));
  Deno.mkdirSync(at("outside"));
  Deno.writeTextFileSync(at("outside/secret"), "secret");
  await test(at);
}

async function unpackTo(destination: string, entries: TestEntry[], options: Partial<UnpackOptions> = {}) {
  const chunks = inChunks(await tarArchive(...entries));
  await unpack(chunks, { destination, name: ".", keepOwner: false, ...options });
}

function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

/** The header with a correct checksum. */
function sealed(header: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  header.set(new TextEncoder().encode(checksumOf(header).toString(8).padStart(7, "0")), 148);
  return header;
}

const modeOf = (path: string) => Deno.lstatSync(path).mode! & 0o7777;
const timeOf = (path: string) => Deno.lstatSync(path).mtime!.getTime();

Deno.test("unpack() makes folders, files and links with their modes and times", () =>
  withFolder(async (at) => {
    await unpackTo(at("new"), [
      { name: "./shut", type: "folder", mode: 0o500, mtimeS: 1000.25 },
      { name: "./shut/file", data: "content", mode: 0o4751, mtimeS: 2000.5 },
      { name: "./link", type: "symlink", link: "/nowhere", mtimeS: 3000 },
      { name: "./hard", type: "hardLink", link: "./shut/file" },
      { name: "./big", data: "x".repeat(5000) },
      { name: "./shared", type: "folder", mode: 0o7777 },
    ]);
    assert.deepEqual(namesIn(at("new")), ["big", "hard", "link", "shared", "shut"]);
    assert.equal(Deno.readTextFileSync(at("new/hard")), "content");
    assert.equal(Deno.readTextFileSync(at("new/big")), "x".repeat(5000));
    assert.equal(Deno.readLinkSync(at("new/link")), "/nowhere");
    assert.equal(Deno.lstatSync(at("new/hard")).ino, Deno.lstatSync(at("new/shut/file")).ino);
    // A set-id program of the guest must not run as the user who copied it.
    assert.deepEqual([modeOf(at("new/shut")), modeOf(at("new/shut/file"))], [0o500, 0o751]);
    // The sticky bit, as on /tmp, where only their owners may remove files.
    assert.equal(modeOf(at("new/shared")), 0o1777);
    assert.deepEqual([timeOf(at("new/shut")), timeOf(at("new/shut/file"))], [1_000_250, 2_000_500]);
    if (Deno.build.os === "linux") assert.equal(timeOf(at("new/link")), 3_000_000);
    Deno.chmodSync(at("new/shut"), 0o700);
  }));

Deno.test("unpack() replaces files and links, and keeps existing folders", () =>
  withFolder(async (at) => {
    Deno.mkdirSync(at("to/folder"), { mode: 0o700 });
    Deno.writeTextFileSync(at("to/folder/kept"), "");
    Deno.symlinkSync("../outside/secret", at("to/link"));
    await unpackTo(at("to"), [
      { name: "./folder", type: "folder", mode: 0o755 },
      { name: "./folder/new", data: "new" },
      { name: "./link", data: "public" },
      { name: "./link", type: "hardLink", link: "./link" },
    ]);
    assert.deepEqual(namesIn(at("to/folder")), ["kept", "new"]);
    assert.equal(modeOf(at("to/folder")), 0o700);
    assert.equal(Deno.readTextFileSync(at("to/link")), "public");
    assert.equal(Deno.readTextFileSync(at("outside/secret")), "secret");
    assert.deepEqual(namesIn(at("to")), ["folder", "link"]);
    await assert.rejects(unpackTo(at("to"), [{ name: "./folder", data: "" }]), /^FileError: "folder": Is a directory$/);
    const folder: TestEntry = { name: "./link", type: "folder" };
    await assert.rejects(unpackTo(at("to"), [folder]), /^FileError: "link": Not a directory$/);
  }));

Deno.test("unpack() puts a single file at the destination of a copy", () =>
  withFolder(async (at) => {
    const file = async () => inChunks(await new Blob([tarEntry({ name: ".", data: "1" }), encodeEnd()]).bytes());
    const options = { name: "name", keepOwner: false };
    await unpack(await file(), { ...options, destination: at("to") });
    await unpack(await file(), { ...options, destination: at("to/other") });
    assert.deepEqual(namesIn(at("to")), ["name", "other"]);
    Deno.mkdirSync(at("to/below"));
    Deno.mkdirSync(at("to/below/name"));
    const inTheWay = unpack(await file(), { ...options, destination: at("to/below") });
    await assert.rejects(inTheWay, /^FileError: "name": Is a directory$/);
    const nowhere = unpack(await file(), { ...options, destination: at("no/such") });
    await assert.rejects(nowhere, /^FileError: No such file or directory$/);
  }));

Deno.test("unpack() keeps owners when asked to", { ignore: Deno.uid() !== 0 }, () =>
  withFolder(async (at) => {
    const entries: TestEntry[] = [
      { name: "./file", mode: 0o4755, uid: 12, gid: 34 },
      { name: "./link", type: "symlink", link: "../outside/secret", uid: 56, gid: 78 },
    ];
    await unpackTo(at("to"), entries, { keepOwner: true });
    const ownerOf = (path: string) => [Deno.lstatSync(at(path)).uid, Deno.lstatSync(at(path)).gid];
    assert.deepEqual([ownerOf("to/file"), ownerOf("to/link"), ownerOf("outside/secret")], [[12, 34], [56, 78], [0, 0]]);
    assert.equal(modeOf(at("to/file")), 0o4755);
  }));

Deno.test("unpack() never leaves the destination", () =>
  withFolder(async (at) => {
    Deno.symlinkSync("../outside", at("to/there"));
    const own: TestEntry = { name: "./own", type: "symlink", link: "../outside" };
    const outside = /would leave the destination$/;
    const ways: [RegExp, ...TestEntry[]][] = [
      [outside, { name: "../evil", data: "x" }],
      [outside, { name: "./a/../../evil", data: "x" }],
      [outside, { name: "/evil", data: "x" }],
      [outside, { name: "./..", type: "folder" }],
      [outside, { name: "./h", type: "hardLink", link: "../outside/secret" }],
      [outside, { name: "./h", type: "hardLink", link: "/etc/passwd" }],
      [/: Not a directory$/, { name: "./there/evil", data: "x" }],
      [/: Not a directory$/, { name: "./there", type: "folder" }],
      [/: Not a directory$/, own, { name: "./own/evil", data: "x" }],
      [/: Not a directory$/, own, { name: "./own/evil", type: "symlink", link: "x" }],
      [/: Not a directory$/, own, { name: "./h", type: "hardLink", link: "./own/secret" }],
    ];
    for (const [error, ...entries] of ways) {
      await assert.rejects(unpackTo(at("to"), entries), error, JSON.stringify(entries));
    }
    assert.deepEqual(namesIn(at("")), ["outside", "to"]);
    assert.deepEqual(namesIn(at("outside")), ["secret"]);
    assert.deepEqual(namesIn(at("to")), ["own", "there"]);
  }));

Deno.test("unpack() stays in the destination while another process changes it", {
  ignore: Deno.build.os !== "linux",
}, () =>
  withFolder(async (at) => {
    async function* chunks() {
      yield await tarArchive({ name: "./folder", type: "folder" }).then((bytes) => bytes.subarray(0, -1024));
      yield tarEntry({ name: "./folder/first" });
      yield tarEntry({ name: "./folder/file", data: "x".repeat(512) }).subarray(0, 600);
      Deno.renameSync(at("to/folder"), at("to/moved"));
      Deno.symlinkSync("../outside", at("to/folder"));
      yield new Uint8Array(1024 - 600);
      yield encodeEnd();
    }
    await unpack(chunks(), { destination: at("to"), name: ".", keepOwner: false });
    assert.deepEqual(namesIn(at("outside")), ["secret"]);
    assert.deepEqual(namesIn(at("to/moved")), ["file", "first"]);
  }));

Deno.test("unpack() removes a file that is cut off, and keeps an existing file", () =>
  withFolder(async (at) => {
    Deno.writeTextFileSync(at("to/file"), "old");
    const bytes = await tarArchive({ name: "./file", data: "x".repeat(2000) });
    for (const length of [1024, 1025, 2000, 3023]) {
      const part = unpack(inChunks(bytes.subarray(0, length)), { destination: at("to"), name: ".", keepOwner: false });
      await assert.rejects(part, /^ArchiveError: The archive ends too early$/);
    }
    async function* interrupted() {
      yield await Promise.resolve(bytes.subarray(0, 2000));
      throw new Error("interrupted");
    }
    await assert.rejects(unpack(interrupted(), { destination: at("to"), name: ".", keepOwner: false }), /interrupted/);
    assert.deepEqual(namesIn(at("to")), ["file"]);
    assert.equal(Deno.readTextFileSync(at("to/file")), "old");
  }));

Deno.test("unpack() refuses archives without a root, and impossible file sizes", () =>
  withFolder(async (at) => {
    const refuse = async (...entries: TestEntry[]) => {
      const bytes = await new Blob([...entries.map(tarEntry), encodeEnd()]).bytes();
      const unpacked = unpack(inChunks(bytes), { destination: at("to"), name: ".", keepOwner: false });
      await assert.rejects(unpacked, /^ArchiveError: The archive is broken$/);
    };
    await refuse();
    await refuse({ name: "./file" });
    await refuse({ name: ".", size: 2 ** 52 });
    assert.deepEqual(namesIn(at("to")), []);
    const deep: TestEntry[] = Array.from(
      { length: 300 },
      (_, depth) => ({ name: `.${"/d".repeat(depth + 1)}`, type: "folder" }),
    );
    await assert.rejects(unpackTo(at("to"), deep), /More than 256 folders in each other$/);
  }));

Deno.test("unpack() reports names that are not UTF-8, and makes the other files", () =>
  withFolder(async (at) => {
    const refused: string[] = [];
    const onRefused = (file: string, reason: string) => refused.push(`${file}: ${reason}`);
    const latin = (bytes: Uint8Array<ArrayBuffer>) => {
      for (const [index, byte] of bytes.entries()) if (byte === 0x23) bytes[index] = 0xe4;
      return bytes;
    };
    const entries = ["folder#", "folder#/file", "link", "file"].map((name): TestEntry => {
      if (name === "link") return { name: `./${name}`, type: "symlink", link: "to#" };
      return { name: `./${name}`, type: name === "folder#" ? "folder" : "file" };
    });
    // The checksum must match the changed bytes.
    const parts = entries.map((entry) => latin(tarEntry(entry))).map(sealed);
    const root = tarEntry({ name: ".", type: "folder" });
    const chunks = inChunks(await new Blob([root, ...parts, encodeEnd()]).bytes());
    await unpack(chunks, { destination: at("to"), name: ".", keepOwner: false, onRefused });
    assert.deepEqual(namesIn(at("to")), ["file"]);
    const reason = "its name, or where it leads, is not UTF-8";
    assert.deepEqual(refused, [`folder\ufffd: ${reason}`, `folder\ufffd/file: ${reason}`, `link: ${reason}`]);
  }));

Deno.test("unpack() reports fifos and leaves them out", () =>
  withFolder(async (at) => {
    const leftOut: string[] = [];
    const onLeftOut = (file: string) => leftOut.push(file);
    await unpackTo(at("to"), [{ name: "./fifo", type: "fifo" }, { name: "./file" }], { onLeftOut });
    assert.deepEqual([leftOut, namesIn(at("to"))], [["fifo"], ["file"]]);
    const fifo = await new Blob([tarEntry({ name: ".", type: "fifo" }), encodeEnd()]).bytes();
    const alone = unpack(inChunks(fifo), { destination: at("x"), name: "x", keepOwner: false });
    await assert.rejects(alone, /^FileError: It is neither a file nor a folder$/);
  }));
