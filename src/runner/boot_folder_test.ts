import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { AGENT_PATH, shareBootFolder } from "./boot_folder.ts";

Deno.test("shareBootFolder() creates the agent, every mount point and a share for each folder", () => {
  using host = makeTempFolder();
  const folder = `${host.path}/boot`;
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${host.path}/agent`, "agent");
  const sources = { folder, agent: `${host.path}/agent`, rootfs: "/images/1" };
  // The machine had another volume at its last start.
  shareBootFolder({ ...sources, volumes: Array(3).fill({ source: "/c", target: "/z", readOnly: true }) });
  const boot = shareBootFolder({
    ...sources,
    volumes: [{ source: "/a", target: "/x", readOnly: true }, { source: "/b", target: "/y", readOnly: false }],
  });
  assert.deepEqual(boot, {
    rootfs: "rootfs",
    mounts: [{ source: "v0", target: "/x", readOnly: true }, { source: "v1", target: "/y", readOnly: false }],
    shares: [
      { tag: "rootfs", path: "/images/1", readOnly: true },
      { tag: "v0", path: "/a", readOnly: true },
      { tag: "v1", path: "/b", readOnly: false },
    ],
  });
  assert.equal(Deno.readTextFileSync(`${folder}${AGENT_PATH}`), "agent");
  assert.equal(Deno.statSync(`${folder}${AGENT_PATH}`).mode! & 0o777, 0o755);
  assert.equal(Deno.readTextFileSync(`${folder}/init.krun`), "agent");
  for (const name of ["dev", "proc", "sys", "s/rootfs", "s/v0", "s/v1"]) {
    assert.ok(Deno.statSync(`${folder}/${name}`).isDirectory, name);
  }
  assert.throws(() => Deno.statSync(`${folder}/s/v2`), Deno.errors.NotFound);
});
