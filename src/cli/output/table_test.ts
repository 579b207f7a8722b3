import assert from "node:assert/strict";
import { formatTable } from "./table.ts";

Deno.test("formatTable() aligns columns, and does not pad the end of a row", () => {
  const rows = [["NAME", "STATE", "ROOTFS"], ["web-server", "up", "/srv"], ["db", "", "/a very long path"]];
  assert.equal(
    formatTable(rows),
    ["NAME         STATE   ROOTFS", "web-server   up      /srv", "db                   /a very long path"].join("\n"),
  );
});

Deno.test("formatTable() lets a row end early with a cell that does not widen its column", () => {
  const rows = [["A", "B", "C"], ["1", "why there is nothing more"], ["2", "3", "4"]];
  assert.equal(formatTable(rows), ["A   B   C", "1   why there is nothing more", "2   3   4"].join("\n"));
});

Deno.test("formatTable() leaves no space at the end of a line", () => {
  assert.equal(formatTable([["A", "B"], ["long", ""], ["", ""]]), "A      B\nlong\n");
});

const WIDE = [["NAME", "STATE", "PID", "ROOTFS"], ["web", "running", "4194304", "docker.io/library/busybox:latest"]];
const table = (rows: string[][], width: number) => formatTable(rows, width).split("\n");

Deno.test("formatTable() shortens the longest columns to the terminal's width, with an ellipsis", () => {
  assert.deepEqual(table(WIDE, 59), [
    "NAME   STATE     PID       ROOTFS",
    "web    running   4194304   docker.io/library/busybox:latest",
  ]);
  assert.deepEqual(table(WIDE, 40), [
    "NAME   STATE     PID       ROOTFS",
    "web    running   4194304   docker.io/li\u{2026}",
  ]);
  const both = [["IMAGE", "FROM"], ["x".repeat(20), "y".repeat(30)]];
  assert.deepEqual(table(both, 33), [
    "IMAGE             FROM",
    `${"x".repeat(14)}\u{2026}   ${"y".repeat(14)}\u{2026}`,
  ]);
});

Deno.test("formatTable() narrows the gaps, then prints blocks, so that it hides no cell", () => {
  assert.deepEqual(table(WIDE, 36), ["NAME STATE   PID     ROOTFS", "web  running 4194304 docker.io/libr\u{2026}"]);
  assert.deepEqual(table([...WIDE, ["db", "created", "", "/srv"]], 24), [
    "NAME   web",
    "STATE  running",
    "PID    4194304",
    "ROOTFS docker.io/library",
    "       /busybox:latest",
    "",
    "NAME   db",
    "STATE  created",
    "ROOTFS /srv",
  ]);
  assert.deepEqual(table([WIDE[0]!], 16), ["NAME STATE PID", "ROOTFS"]);
  for (let width = 8; width < 80; width++) {
    for (const line of table(WIDE, width)) assert.ok(line.length <= width, `${width}: ${line}`);
  }
});

Deno.test("formatTable() cuts a last cell that ends its row early", () => {
  const rows = [["NAME", "STATE", "ROOTFS"], ["web", "unreadable for a reason"], ["db", "created", "/srv"]];
  assert.deepEqual(table(rows, 24), [
    "NAME   STATE     ROOTFS",
    "web    unreadable for a\u{2026}",
    "db     created   /srv",
  ]);
});

Deno.test("formatTable() counts characters, and does not split them", () => {
  assert.equal(formatTable([["\u{1F980}x", "y"], ["abc", "z"]]), "\u{1F980}x    y\nabc   z");
  assert.equal(formatTable([["N"], ["\u{1F980}".repeat(14)]], 13), `N\n${"\u{1F980}".repeat(12)}\u{2026}`);
});

Deno.test("formatTable() replaces terminal escape sequences", () => {
  assert.equal(formatTable([["a\x1b[31mb\r\n\x7f\x9bc\t", "d"]]), "a?[31mb????c?   d");
});
