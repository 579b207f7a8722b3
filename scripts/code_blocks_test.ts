import assert from "node:assert/strict";
import { needsVm, typescriptBlocks } from "./code_blocks.ts";

Deno.test("typescriptBlocks() finds TypeScript blocks in Markdown, and no other language", () => {
  const text = "# Title\n\n```sh\nls\n```\n\n```ts\nif (a) {\n  b();\n}\n```\n\n```ts\nc();\n```\n";
  assert.deepEqual(typescriptBlocks(text), [
    { line: 7, code: "if (a) {\n  b();\n}\n" },
    { line: 13, code: "c();\n" },
  ]);
});

Deno.test("typescriptBlocks() finds blocks of doc comments, without their asterisks", () => {
  const text = "class A {\n  /**\n   * Does.\n   *\n   * ```ts\n   * a();\n   *\n   *   b();\n   * ```\n   */\n}\n";
  assert.deepEqual(typescriptBlocks(text), [{ line: 5, code: "a();\n\n  b();\n" }]);
});

Deno.test("typescriptBlocks() refuses a block without an end", () => {
  assert.throws(() => typescriptBlocks("```ts\na();\n"), { message: "The block in line 1 has no end" });
});

Deno.test("needsVm() is true for code that boots a machine, not for code that only inspects", () => {
  const needs = (code: string) => needsVm({ line: 1, code });
  for (const code of ['Machine.run("alpine")', "Machine.create({})", 'Machine.get("a")', 'Images.pull("a")']) {
    assert.ok(needs(`await ${code};\n`), code);
  }
  for (const code of ["Machine.list()", "Images.list()"]) assert.ok(!needs(`await ${code};\n`), code);
});
