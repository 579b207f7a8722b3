// Checks docs/ and CONTRIBUTING.md against the code.
import assert from "node:assert/strict";
import { ERROR_CODES } from "../../src/errors.ts";
import { exists } from "../../src/host/files.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const DOCS = [
  "CONTRIBUTING.md",
  ...[...Deno.readDirSync(`${ROOT}docs`)].map(({ name }) => `docs/${name}`).sort(),
];
const TROUBLESHOOTING = read("docs/troubleshooting.md");

function read(path: string): string {
  return Deno.readTextFileSync(`${ROOT}${path}`);
}

/** The program's whole source. */
function sources(): string {
  const isProgram = (path: string) => path.endsWith(".ts") && !path.endsWith("_test.ts");
  return sourceFiles().filter(isProgram).map((path) => Deno.readTextFileSync(path)).join("\n");
}

/** The paths of all files in `src`. */
function sourceFiles(folder = `${ROOT}src`): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? sourceFiles(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

Deno.test("docs/troubleshooting.md has exactly one section for every error code", () => {
  const headings = [...TROUBLESHOOTING.matchAll(/^### `(.*)`$/gm)].map(([, code]) => code);
  assert.deepEqual(headings, [...ERROR_CODES]);
});

Deno.test("docs/troubleshooting.md has only messages of the program", () => {
  const source = sources();
  const codes = TROUBLESHOOTING.split(/^## /m).find((section) => section.startsWith("Error codes\n"))!;
  const messages = [...codes.matchAll(/^\| `(.*?)` \|/gm)].map(([, message]) => message!);
  assert.ok(messages.length > 60, `${messages.length}`);
  for (const message of messages) {
    // The source contains the parts between these separators.
    const parts = message.split(/\u2026|"|: /).map((part) => part.trim()).filter((part) => part !== "");
    // For buildah's actions the source does not contain "Cannot".
    const has = (part: string) => source.includes(part) || source.includes(part.replace(/^Cannot /, ""));
    for (const part of parts) assert.ok(has(part), `"${part}" of "${message}"`);
  }
});

Deno.test("every file of the checkout that docs name exists", () => {
  for (const doc of DOCS) {
    const named = read(doc).matchAll(/(?<![\w./-])(?:\.ci|LICENSES|docs|examples|lib|scripts|src|tests)\/[\w./+-]*\w/g);
    for (const [path] of named) assert.ok(exists(`${ROOT}${path}`), `${doc} names ${path}`);
  }
});

Deno.test("every file of the checkout that comments name exists", () => {
  for (const path of sourceFiles()) {
    const named = Deno.readTextFileSync(path).matchAll(
      /(?<![\w./-])(?:docs|scripts|src|tests)\/[\w/-]+\.(?:ts|c|h|md)\b/g,
    );
    for (const [name] of named) assert.ok(exists(`${ROOT}${name}`), `${path} names ${name}`);
  }
});

Deno.test("docs/protocol.md names every tool of the agent", () => {
  const tools = [...read("src/guest/tools/tool.c").matchAll(/^\t\{ "(\w+)", \w+_tool \},$/gm)].map(([, name]) => name!);
  assert.ok(tools.length > 4);
  for (const tool of tools) assert.ok(read("docs/protocol.md").includes(`\`${tool}\``), tool);
});

Deno.test("every link of docs to a file or a heading has a target", () => {
  let count = 0;
  for (const doc of [...DOCS, "README.md", "lib/README.md", "tests/README.md"]) {
    for (const [, link] of read(doc).matchAll(/\]\((?!\w+:)([^)]+)\)/g)) {
      const { pathname, hash } = new URL(link!, `file://${ROOT}${doc}`);
      assert.ok(exists(pathname), `${doc} links to ${link}`);
      if (hash === "") continue;
      assert.ok(anchors(Deno.readTextFileSync(pathname)).includes(hash.slice(1)), `${doc} links to ${link}`);
      count++;
    }
  }
  assert.ok(count > 5, `${count}`);
});
