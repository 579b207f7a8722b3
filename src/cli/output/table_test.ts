import assert from "node:assert/strict";
import { formatTable } from "./table.ts";

Deno.test("formatTable() aligns columns, but for the end of a row", () => {
  const rows = [["NAME", "STATE", "ROOTFS"], ["web-server", "up", "/srv"], ["db", "", "/a very long path"]];
  assert.equal(
    formatTable(rows),
    ["NAME         STATE   ROOTFS", "web-server   up      /srv", "db                   /a very long path"].join("\n"),
  );
});

Deno.test("formatTable() lets a row end early, with a last cell that widens no column", () => {
  const rows = [["A", "B", "C"], ["1", "why there is nothing more"], ["2", "3", "4"]];
  assert.equal(formatTable(rows), ["A   B   C", "1   why there is nothing more", "2   3   4"].join("\n"));
});

Deno.test("formatTable() leaves no space at the end of a line", () => {
  assert.equal(formatTable([["A", "B"], ["long", ""], ["", ""]]), "A      B\nlong\n");
});

Deno.test("formatTable() cuts lines at the width of the terminal, and says so", () => {
  const cut = (width: number) => formatTable([["NAME", "ROOTFS"], ["web", "/srv"]], width).split("\n");
  assert.deepEqual(cut(13), ["NAME   ROOTFS", "web    /srv"]);
  assert.deepEqual(cut(12), ["NAME   ROOT\u{2026}", "web    /srv"]);
  assert.deepEqual(cut(1), ["\u{2026}", "\u{2026}"]);
});

Deno.test("formatTable() counts characters, and cuts none in two", () => {
  assert.equal(formatTable([["\u{1F980}x", "y"], ["abc", "z"]]), "\u{1F980}x    y\nabc   z");
  assert.equal(formatTable([["\u{1F980}\u{1F980}\u{1F980}"]], 2), "\u{1F980}\u{2026}");
});

Deno.test("formatTable() shows no command to the terminal", () => {
  assert.equal(formatTable([["a\x1b[31mb\r\n\x7f\x9bc\t", "d"]]), "a?[31mb????c?   d");
});
