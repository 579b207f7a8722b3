import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import type { VolumeSpec } from "../state/machine_record.ts";
import { orderVolumes, resolveVolumes } from "./volume.ts";

const volume = (source: string, target: string, readOnly = false): VolumeSpec => ({ source, target, readOnly });

Deno.test("resolveVolumes() finds the real folder behind relative paths and symlinks", () => {
  using folder = makeTempFolder();
  Deno.mkdirSync(`${folder.path}/real`);
  Deno.symlinkSync("real", `${folder.path}/link`);
  assert.deepEqual(resolveVolumes([volume(`${folder.path}/link/../link/.`, "/a", true)]), [
    volume(`${folder.path}/real`, "/a", true),
  ]);
  assert.deepEqual(resolveVolumes([volume("./.", "/a")]), [volume(Deno.realPathSync("."), "/a")]);
});

Deno.test("resolveVolumes() mounts outer folders before those inside them", () => {
  const targets = ["/a/b/c", "/x", "/a", "/a/b"];
  const sorted = resolveVolumes(targets.map((target) => volume("/", target))).map(({ target }) => target);
  assert.deepEqual(sorted, ["/x", "/a", "/a/b", "/a/b/c"]);
});

Deno.test("resolveVolumes() refuses two volumes at the same mount point", () => {
  assert.throws(() => resolveVolumes([volume("/", "/a"), volume("/tmp", "/a")]), {
    code: "volume",
    message: 'Cannot mount two volumes at "/a"',
  });
});

Deno.test("resolveVolumes() names the folder that is missing", () => {
  using folder = makeTempFolder();
  assert.throws(() => resolveVolumes([volume(`${folder.path}/none`, "/a")]), {
    code: "volume",
    message: `Cannot mount volume "${folder.path}/none": No such file or directory`,
  });
});

Deno.test("resolveVolumes() refuses a single file and names the folder to mount instead", () => {
  using folder = makeTempFolder();
  Deno.writeTextFileSync(`${folder.path}/file`, "");
  assert.throws(() => resolveVolumes([volume(`${folder.path}/file`, "/a")]), {
    code: "volume",
    message: `Cannot mount volume "${folder.path}/file": it is a single file, expected a folder`,
    hint: `Mount its parent folder "${folder.path}" instead.`,
  });
});

Deno.test("orderVolumes() does not access the host's folders", () => {
  const volumes = [volume("/none/inner", "/a/b"), volume("/none", "/a")];
  assert.deepEqual(orderVolumes(volumes), volumes.toReversed());
});
