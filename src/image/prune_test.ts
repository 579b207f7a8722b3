import assert from "node:assert/strict";
import { idOf, preparedContainer, storeContent, storedImage } from "../../tests/helpers/store_content.ts";
import { planImagePrune } from "./prune.ts";

/** Images 1 to 3 share a layer; 4 has no name; 5 has no name but comes from an archive; podman uses 6. */
const content = storeContent(
  [
    storedImage("1", ["localhost/used:1"], "top1"),
    storedImage("2", ["localhost/prepared:1"], "top2"),
    storedImage("3", ["localhost/idle:1"], "top3"),
    storedImage("4", [], "top4"),
    storedImage("5", [], "top5"),
    storedImage("6", [], "top6"),
  ],
  [
    preparedContainer("1", "own1"),
    preparedContainer("2", "own2"),
    preparedContainer("4", "own4"),
    { id: "p", name: "podman's", imageId: idOf("6"), layer: "own6" },
    preparedContainer("7", "own7"),
  ],
  {
    base: [null, 100_000],
    top1: ["base", 1],
    top2: ["base", 20],
    top3: ["base", 300],
    top4: [null, 4000],
    top5: [null, 50_000],
    top6: [null, 600_000],
    own1: ["top1", 0],
    own2: ["top2", 0],
    own4: ["top4", 0],
    own6: ["top6", 0],
    own7: [null, 0],
    // No machine uses it, but it is not smolvm's container, so it must stay.
    stray: [null, 7_000_000],
  },
);
const listed = content.images.map(({ imageId, names }) => {
  return { imageId, names, origin: imageId === idOf("5") ? "oci-archive:/app.tar" : null };
});

function plan(options: { used: string[]; all: boolean }): { images: string; containers: string; freedBytes: number } {
  const { images, containers, freedBytes } = planImagePrune(listed, content, {
    used: new Set(options.used.map(idOf)),
    all: options.all,
  });
  const digits = (found: { imageId: string }[]) => found.map(({ imageId }) => imageId[0]).join("");
  return { images: digits(images), containers: digits(containers), freedBytes };
}

Deno.test("planImagePrune() removes dangling images, and unused working containers of images that stay", () => {
  assert.deepEqual(plan({ used: ["1"], all: false }), { images: "4", containers: "27", freedBytes: 4000 });
});

Deno.test("planImagePrune() with all removes every image that no machine and no foreign container uses", () => {
  assert.deepEqual(plan({ used: ["1"], all: true }), { images: "2345", containers: "7", freedBytes: 54_320 });
});

Deno.test("planImagePrune() frees a layer when the last image on it is removed", () => {
  assert.deepEqual(plan({ used: [], all: true }), { images: "12345", containers: "7", freedBytes: 154_321 });
});

Deno.test("planImagePrune() keeps images that machines use, dangling ones too", () => {
  assert.deepEqual(plan({ used: ["1", "2", "3", "4", "5"], all: true }), {
    images: "",
    containers: "7",
    freedBytes: 0,
  });
});
