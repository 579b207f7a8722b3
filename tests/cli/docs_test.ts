// What docs/ and CONTRIBUTING.md say of the code, against the code.
import assert from "node:assert/strict";
import { ERROR_CODES } from "../../src/errors.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const DOCS = [
  "CONTRIBUTING.md",
  ...[...Deno.readDirSync(`${ROOT}docs`)].map(({ name }) => `docs/${name}`).sort(),
];
const TROUBLESHOOTING = read("docs/troubleshooting.md");

function read(path: string): string {
  return Deno.readTextFileSync(`${ROOT}${path}`);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** All of the program's text. */
function sources(folder = `${ROOT}src`): string {
  return [...Deno.readDirSync(folder)].map(({ name, isDirectory }) => {
    if (isDirectory) return sources(`${folder}/${name}`);
    return name.endsWith(".ts") && !name.endsWith("_test.ts") ? Deno.readTextFileSync(`${folder}/${name}`) : "";
  }).join("\n");
}

/** What the headings of a page can be linked by, as GitHub has it. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

Deno.test("docs/troubleshooting.md has a section for every error code and no other", () => {
  const headings = [...TROUBLESHOOTING.matchAll(/^### `(.*)`$/gm)].map(([, code]) => code);
  assert.deepEqual(headings, [...ERROR_CODES]);
});

Deno.test("docs/troubleshooting.md has no message that the program does not have", () => {
  const source = sources();
  const codes = TROUBLESHOOTING.split(/^## /m).find((section) => section.startsWith("Error codes\n"))!;
  const messages = [...codes.matchAll(/^\| `(.*?)` \|/gm)].map(([, message]) => message!);
  assert.ok(messages.length > 60, `${messages.length}`);
  for (const message of messages) {
    // Between these are the parts that the program has in one piece.
    const parts = message.split(/\u2026|"|: /).map((part) => part.trim()).filter((part) => part !== "");
    // What buildah is asked to do is in the source without the word.
    const has = (part: string) => source.includes(part) || source.includes(part.replace(/^Cannot /, ""));
    for (const part of parts) assert.ok(has(part), `"${part}" of "${message}"`);
  }
});

Deno.test("every file of the checkout that docs name is there", () => {
  for (const doc of DOCS) {
    const named = read(doc).matchAll(/(?<![\w./-])(?:\.ci|LICENSES|docs|examples|lib|scripts|src|tests)\/[\w./+-]*\w/g);
    for (const [path] of named) assert.ok(exists(`${ROOT}${path}`), `${doc} names ${path}`);
  }
});

Deno.test("every link of docs to a file or to a heading leads there", () => {
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
