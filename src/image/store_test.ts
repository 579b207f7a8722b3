import assert from "node:assert/strict";
import { storeContent, storedImage } from "../../tests/helpers/store_content.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { bytesOf, layersOf, readStore } from "./store.ts";

const layoutOf = (folder: string, driver = "overlay") => ({
  root: folder,
  driver,
  imagesFile: `${folder}/images.json`,
  layersFile: `${folder}/layers.json`,
  containersFolder: folder,
});

Deno.test("readStore() returns empty lists for an empty storage", async () => {
  const content = await readStore({ layout: layoutOf("/does/not/exist") });
  assert.deepEqual(content, { images: [], containers: [], layers: new Map() });
});

Deno.test("readStore() reads the lists of the storage, and treats missing fields as empty", async () => {
  using folder = makeTempFolder();
  const write = (name: string, list: unknown) =>
    Deno.writeTextFile(`${folder.path}/${name}.json`, JSON.stringify(list));
  const image = { id: "1", digest: "sha256:2", names: ["localhost/a:1"], layer: "b", created: "2026-11-23T12:00:00Z" };
  await write("images", [{ ...image, metadata: "{}", "big-data-names": [] }, { id: "2", names: null }]);
  await write("containers", [{ id: "3", names: ["mine"], image: "1", layer: "c" }, { id: "4" }]);
  await write("layers", [{ id: "a", "diff-size": 10 }, { id: "b", parent: "a", "diff-size": 5 }, {
    id: "c",
    parent: "b",
  }]);
  const { images, containers, layers } = await readStore({ layout: layoutOf(folder.path) });
  assert.deepEqual(images, [
    { imageId: "1", digest: "sha256:2", names: ["localhost/a:1"], layer: "b", created: "2026-11-23T12:00:00Z" },
    { imageId: "2", digest: "", names: [], layer: null, created: "1970-01-01T00:00:00.000Z" },
  ]);
  assert.deepEqual(containers, [
    { id: "3", name: "mine", imageId: "1", layer: "c" },
    { id: "4", name: "4", imageId: "", layer: null },
  ]);
  assert.deepEqual(Object.fromEntries(layers), {
    a: { parent: null, sizeBytes: 10 },
    b: { parent: "a", sizeBytes: 5 },
    c: { parent: "b", sizeBytes: 0 },
  });
  const copies = await readStore({ layout: layoutOf(folder.path, "vfs") });
  assert.deepEqual([...copies.layers.values()].map(({ sizeBytes }) => sizeBytes), [10, 15, 15]);
});

Deno.test("readStore() names a list that cannot be read and the fault in it", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/images.json`;
  for (
    const [text, reason] of [["{", /JSON/], ["{}", /items is an object, expected a list/], [
      "[{}]",
      /id is missing/,
    ]] as const
  ) {
    await Deno.writeTextFile(path, text);
    await assert.rejects(readStore({ layout: layoutOf(folder.path) }), (error: Error) => {
      assert.ok(error.message.startsWith(`Cannot read "${path}": `), error.message);
      assert.match(error.message, reason);
      return true;
    });
  }
});

Deno.test("layersOf() returns each layer of the images once, even when a parent is missing", () => {
  const images = [
    storedImage("1", [], "b"),
    storedImage("2", [], "c"),
    storedImage("3", [], null),
    storedImage("4", [], "x"),
  ];
  const content = storeContent(images, [], { a: [null, 100], b: ["a", 10], c: ["a", 1] });
  const layers = layersOf(images, content);
  assert.deepEqual([...layers].sort(), ["a", "b", "c", "x"]);
  assert.equal(bytesOf(layers, content), 111);
});
