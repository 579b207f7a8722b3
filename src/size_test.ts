import assert from "node:assert/strict";
import { formatExact, formatMemory, formatSize } from "./size.ts";

Deno.test("formatSize() uses decimal units and at most three digits", () => {
  const sizes: [bytes: number, size: string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [1024, "1.02 kB"],
    [999_499, "999 kB"],
    [999_500, "1 MB"],
    [7_331_000, "7.33 MB"],
    [10 * 1024 ** 3, "10.7 GB"],
    [123_456_000_000, "123 GB"],
    [2e12, "2 TB"],
    [1_234_000e9, "1234 TB"],
  ];
  for (const [bytes, size] of sizes) assert.equal(formatSize(bytes), size);
});

Deno.test("formatMemory() uses binary units", () => {
  const sizes = { 0: "0 B", 1023: "1023 B", 1024: "1 KiB", [1023.4 * 1024]: "1023 KiB", [1023.6 * 1024]: "1 MiB" };
  for (const [bytes, text] of Object.entries(sizes)) assert.equal(formatMemory(Number(bytes)), text);
  assert.equal(formatMemory(10 * 1024 ** 3), "10 GiB");
});

Deno.test("formatExact() uses the largest unit that needs no rounding", () => {
  const MIB = 1024 ** 2;
  const sizes = { 0: "0 B", 1: "1 B", [512 * MIB]: "512 MiB", [1536 * MIB]: "1.5 GiB", [128 * MIB - 1]: "134217727 B" };
  for (const [bytes, text] of Object.entries(sizes)) assert.equal(formatExact(Number(bytes)), text);
  assert.equal(formatExact(1500 * MIB), "1500 MiB");
  assert.equal(formatExact(1024 ** 4), "1 TiB");
});
