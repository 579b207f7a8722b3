import assert from "node:assert/strict";
import { idOf, storeContent, storedImage } from "../../tests/helpers/store_content.ts";
import { findStored, repositoryOf } from "./lookup.ts";
import type { Store } from "./store.ts";

const LIBRARY = "docker.io/library/alpine:latest";
const content = storeContent(
  [
    storedImage("a", [LIBRARY, "localhost/team/web:2"], null),
    storedImage("b", ["localhost/alpine:3"], null),
    { ...storedImage("c", [], null), imageId: `aa${"c".repeat(62)}` },
    storedImage("d", ["localhost/alpine:latest"], null),
  ],
  [],
  {},
);
// The tests use no archives, for which findStored() would read records.
const store = {} as Store;

Deno.test("findStored() finds an image by any name that run accepts", async () => {
  const cases: [text: string, digit: string, name: string][] = [
    [LIBRARY, "a", LIBRARY],
    ["localhost/team/web:2", "a", "localhost/team/web:2"],
    ["alpine:3", "b", "localhost/alpine:3"],
    // An image built on this host is preferred to a pulled one.
    ["alpine", "d", "localhost/alpine:latest"],
  ];
  for (const [text, digit, name] of cases) {
    const found = await findStored(text, content, store);
    assert.deepEqual([found.image.imageId, found.name], [idOf(digit), name], text);
  }
});

Deno.test("findStored() finds an image by its digest and by the beginning of its id, without a name", async () => {
  const pinned = `docker.io/library/alpine@sha256:${idOf("a")}`;
  for (const [text, digit] of [[pinned, "a"], ["bbb", "b"], [`sha256:${idOf("d")}`, "d"], [idOf("a"), "a"]] as const) {
    assert.deepEqual(await findStored(text, content, store), {
      image: content.images.find(({ imageId }) => imageId === idOf(digit)),
    });
  }
});

Deno.test("findStored() fails when no image matches, or several do", async () => {
  const elsewhere = `quay.io/alpine@sha256:${idOf("a")}`;
  for (const text of ["none", "localhost/team/web", "web:2", "eee", elsewhere]) {
    await assert.rejects(findStored(text, content, store), { code: "no-image", message: `No such image: "${text}"` });
  }
  await assert.rejects(findStored("aa", content, store), { code: "usage", message: /Cannot tell which image "aa" is/ });
  await assert.rejects(findStored("Bad!", content, store), { code: "source" });
});

Deno.test("repositoryOf() removes the tag and the digest", () => {
  assert.equal(repositoryOf("localhost:5000/team/app:1"), "localhost:5000/team/app");
  assert.equal(repositoryOf("localhost:5000/app"), "localhost:5000/app");
  assert.equal(repositoryOf(`quay.io/app:1@sha256:${idOf("a")}`), "quay.io/app");
});
