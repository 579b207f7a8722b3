/** The disk space of images and machines, and what `prune` removes, with the real buildah and without a VM. */
import assert from "node:assert/strict";
import type { ImageStore } from "../fixtures/images.ts";
import {
  build,
  CONTENT_BYTES,
  identityOf,
  imagesIn,
  makeRunning,
  makeStopped,
  print,
  remove,
} from "../helpers/image_commands.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { runProcess } from "../helpers/process.ts";
import { storeTest } from "../helpers/image_store.ts";

storeTest("prune removes what no machine uses, and --dry-run prints the same figures", async (store) => {
  const dangling = await build(store);
  const used = await build(store, "localhost/app:1");
  await build(store, "localhost/idle:1");
  await build(store, "localhost/foreign:1");
  await store.buildah("from", "localhost/foreign:1");
  const image = await identityOf("localhost/app:1");
  await identityOf("localhost/idle:1");
  await makeStopped("web", image);
  (await makeRunning("job", image))[Symbol.dispose]();
  const { id } = (await imagesIn(store)).find(({ names }) => names.includes("localhost/idle:1"))!;

  const planned = await print(store, "prune", "--dry-run");
  const lines = [
    `prepared root filesystem of image localhost/idle:1 (${id.slice(0, 12)})`,
    `image ${dangling.slice(0, 12)}`,
    "remains of killed machines: 1",
  ];
  assert.deepEqual(planned.split("\n").slice(0, -2), lines.map((line) => `Would remove ${line}`));
  // With the vfs driver, a prepared root filesystem is a copy of the image.
  const [, megabytes] = /\nWould free: (\d\.?\d*) MB\n$/.exec(planned) ?? assert.fail(planned);
  assert.equal((await imagesIn(store)).length, 4, "a dry run removes nothing");
  const before = await diskUsage(store);
  const pruned = await print(store, "prune", "--force");
  assert.equal(pruned, planned.replaceAll("Would remove", "Removed").replace("Would free", "Freed"));
  const freed = before - await diskUsage(store);
  assert.ok(freed >= CONTENT_BYTES, `${freed}`);
  assert.ok(Math.abs(freed - Number(megabytes) * 1e6) < 0.05 * freed, `${megabytes} MB are ${freed}`);
  const left = async () => (await imagesIn(store)).map(({ names }) => names[0]);
  assert.deepEqual(await left(), ["localhost/foreign:1", "localhost/idle:1", "localhost/app:1"]);
  assert.equal(await print(store, "prune", "--force"), "Freed: 0 B\n");

  const all = `Removed image localhost/idle:1 (${id.slice(0, 12)})\nFreed: 3 MB\n`;
  assert.equal(
    await print(store, "prune", "--all", "--dry-run"),
    all.replace("Removed", "Would remove").replace("Freed", "Would free"),
  );
  assert.equal(await print(store, "prune", "--all", "--force"), all);
  assert.deepEqual(await left(), ["localhost/foreign:1", "localhost/app:1"]);
  assert.deepEqual((await imagesIn(store)).find(({ id }) => id === used)?.prepared, true);
  await remove("web");
});

/** Returns the disk usage of a store in bytes, as `du` counts it. */
async function diskUsage({ env }: ImageStore): Promise<number> {
  const { stdout } = await new Deno.Command("du", { args: ["-sxB1", env.SMOLVM_STORAGE] }).output();
  return Number(new TextDecoder().decode(stdout).split("\t")[0]);
}

storeTest("system df prints the space that images and machines use, and how much prune could free", async (store) => {
  await build(store, "localhost/app:1");
  await build(store, "localhost/idle:1");
  const image = await identityOf("localhost/app:1");
  await makeStopped("web", image);
  using _ = await makeRunning("job", image);
  const usage = JSON.parse(await print(store, "system", "df", "--format", "json")) as Record<string, unknown>[];
  const [images, disks, logs, , remains] = usage;
  assert.deepEqual(usage.map(({ type, total, active }) => [type, total, active]), [
    ["images", 2, 1],
    ["disks", 2, 1],
    ["logs", 2, 1],
    ["warm", 0, 0],
    ["remains", 0, 0],
  ]);
  assert.ok(Number(images!.reclaimableBytes) >= CONTENT_BYTES);
  assert.equal(images!.sizeBytes, 2 * Number(images!.reclaimableBytes));
  assert.deepEqual([disks!.sizeBytes, disks!.reclaimableBytes], [8192, 8192]);
  assert.deepEqual([logs!.sizeBytes, remains!.sizeBytes], [0, 0]);
  const table = await print(store, "system", "df");
  assert.match(
    table,
    /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +2 +1 +6 MB +3 MB \(50%\)\nMachine disks +2 +1 +8\.19 kB/,
  );
  await remove("web");
});

storeTest("prune on a terminal lists what it would remove and asks", async (store) => {
  const id = (await build(store)).slice(0, 12);
  const asked = `  image localhost/app:1 (${id})\r\nRemove all of this? [y/N] `;
  const args = ["--quiet", "--return", "--command", `${SMOLVM} prune --all`, "/dev/null"];
  const answer = (key: string) =>
    runProcess("script", { args, env: { ...store.env, SHELL: "/bin/sh" }, input: `${key}\n` });
  const no = await answer("n");
  assert.equal(no.code, 1);
  assert.ok(no.stdout.includes(asked) && no.stdout.includes("Nothing was removed: the answer was not yes"), no.stdout);
  assert.equal((await imagesIn(store)).length, 1);
  const yes = await answer("y");
  assert.ok(yes.stdout.endsWith(`${asked}Removed image localhost/app:1 (${id})\r\nFreed: 3 MB\r\n`), yes.stdout);
  assert.deepEqual(await imagesIn(store), []);
});
