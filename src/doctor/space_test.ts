import assert from "node:assert/strict";
import { judgeSpace, parseDf } from "./space.ts";

Deno.test("parseDf() reads the output of Linux and macOS", () => {
  const linux = "Filesystem     Type 1024-blocks    Used Available Capacity Mounted on\n";
  assert.deepEqual(parseDf(`${linux}/dev/vda1      ext4   1000 500       400      55% /`), {
    type: "ext4",
    freeBytes: 400 * 1024,
  });
  assert.equal(parseDf(`${linux}tmpfs tmpfs 10 0 10 0% /a b`)?.type, "tmpfs");
  const macos = "Filesystem   1024-blocks      Used Available Capacity  Mounted on\n";
  assert.deepEqual(parseDf(`${macos}/dev/disk3s5   971350180 1 2   64%    /System/Volumes/Data`), {
    type: undefined,
    freeBytes: 2048,
  });
  for (const output of ["", linux, `${linux}proc proc - - - - /proc`]) assert.equal(parseDf(output), undefined);
});

Deno.test("judgeSpace() warns of a full disk and of a tmpfs", () => {
  const judge = (type: string, gib: number) => judgeSpace("/a", { type, freeBytes: gib * 1024 ** 3 });
  assert.deepEqual(judge("ext4", 1.5), { status: "ok", found: "/a, 1.5 GiB free" });
  assert.deepEqual(judge("ext4", 0.9), { status: "warning", found: "/a, 0.9 GiB free", hint: "Free some space." });
  const { status, found } = judge("tmpfs", 100);
  assert.deepEqual({ status, found }, { status: "warning", found: "/a, 100.0 GiB free, tmpfs" });
  assert.deepEqual(judgeSpace("/a", undefined), { status: "ok", found: "/a" });
});
