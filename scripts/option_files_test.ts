import assert from "node:assert/strict";

const SRC = new URL("../src/", import.meta.url);

/** The source files, without tests, that match a pattern. */
async function* filesWith(pattern: RegExp, folder = SRC): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesWith(pattern, new URL(`${name}/`, folder));
    else if (/(?<!_test)\.ts$/.test(name) && pattern.test(await Deno.readTextFile(new URL(name, folder)))) {
      yield `${folder.pathname.slice(SRC.pathname.length)}${name}`;
    }
  }
}

Deno.test("an option of a machine is named in seven source files: those that CONTRIBUTING lists", async () => {
  const contributing = await Deno.readTextFile(new URL("../CONTRIBUTING.md", import.meta.url));
  for (const option of [/net_?-?limit/i, /net_?-?connections/i, /network_?-?alias/i]) {
    const files = await Array.fromAsync(filesWith(new RegExp(`\\b${option.source}`, "i")));
    assert.equal(files.length, 7, `${option}: ${files.join(", ")}`);
    for (const file of files) assert.ok(contributing.includes(`\`src/${file}\``), file);
  }
});
