import assert from "node:assert/strict";
import { loadedFiles, soname } from "./program.ts";

Deno.test("loadedFiles() lists the libraries of a process, each once", () => {
  const maps = [
    "55e0-55e1 r-xp 00000000 fe:00 1 /usr/bin/deno",
    "7f00-7f01 r--p 00000000 fe:00 2                     /usr/lib/x86_64-linux-gnu/libc.so.6",
    "7f01-7f02 r-xp 00001000 fe:00 2                     /usr/lib/x86_64-linux-gnu/libc.so.6",
    "7f02-7f03 r-xp 00000000 fe:00 3                     /opt/libkrun.so.1.17.4+smolvm1",
    "7ffc-7ffd rw-p 00000000 00:00 0                     [stack]",
    "7f03-7f04 rw-p 00000000 00:00 0",
  ].join("\n");
  assert.deepEqual(loadedFiles(maps), ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/opt/libkrun.so.1.17.4+smolvm1"]);
});

Deno.test("soname() is the name by which programs load a library", () => {
  assert.equal(soname("/a/libcap-ng.so.0.0.0"), "libcap-ng.so.0");
  assert.equal(soname("/a/libkrun.so.1.17.4+smolvm1"), "libkrun.so.1");
  assert.equal(soname("/a/ld-linux-x86-64.so.2"), "ld-linux-x86-64.so.2");
});
