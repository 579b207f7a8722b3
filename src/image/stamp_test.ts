import assert from "node:assert/strict";
import { isUnchanged, stampOf } from "./stamp.ts";

Deno.test("isUnchanged() notices that a file was made, written to, replaced or removed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-stamp-" });
  try {
    const path = `${folder}/file`;
    const steps: [string, () => Promise<void>][] = [
      ["made", () => Deno.writeTextFile(path, "one")],
      ["longer", () => Deno.writeTextFile(path, "four")],
      ["later", () => Deno.utime(path, 1000, 1000)],
      // Same size and time, another inode, as after buildah renames a new file over the old one.
      ["replaced", async () => {
        await Deno.writeTextFile(`${path}.new`, "five");
        await Deno.utime(`${path}.new`, 1000, 1000);
        await Deno.rename(`${path}.new`, path);
      }],
      ["removed", () => Deno.remove(path)],
    ];
    for (const [name, change] of steps) {
      const before = await stampOf(path);
      assert.equal(await isUnchanged(before), true, `before it is ${name}`);
      await change();
      assert.equal(await isUnchanged(before), false, name);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
