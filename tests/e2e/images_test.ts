/** The commands that pull, show and remove images, and inspect, with the real buildah and without a VM. */
import assert from "node:assert/strict";
import { dirname } from "../../src/host/path.ts";
import { removeImage } from "../../src/image/remove.ts";
import { openStore } from "../../src/image/store.ts";
import { persistentFolders } from "../../src/state/machine_folders.ts";
import { exportImage } from "../fixtures/images.ts";
import { REGISTRY_USER, startRegistry } from "../fixtures/registry.ts";
import { Random } from "../fuzz/random.ts";
import {
  assertRefused,
  build,
  CONTENT_BYTES,
  identityOf,
  imagesIn,
  makeRunning,
  makeStopped,
  prepare,
  print,
  remove,
  smolvm,
} from "../helpers/image_commands.ts";
import { containersOf, storeTest } from "../helpers/image_store.ts";
import { pause } from "../helpers/until.ts";

storeTest(
  "pull prints full names, and the progress on stderr unless -q; it pulls nothing if a name is bad",
  async (store) => {
    await using registry = await startRegistry(store.folder);
    const reference = `${registry.address}/team/app:latest`;
    const id = await build(store);
    await exportImage(store, "localhost/app:1", `docker://${reference}`);
    await store.buildah("rmi", "localhost/app:1");
    const name = `${registry.address}/team/app`;

    const bad = await smolvm(store, ["pull", "--tls-verify", "false", name, "Bad!"]);
    assert.deepEqual({ code: bad.code, stdout: bad.stdout }, { code: 125, stdout: "" });
    assert.match(bad.stderr, /^smolvm: Cannot use "Bad!" as an image reference: .*\n$/);
    assert.deepEqual(await imagesIn(store), []);

    const pulled = await smolvm(store, ["pull", "--tls-verify", "false", name]);
    assert.deepEqual({ code: pulled.code, stdout: pulled.stdout }, { code: 0, stdout: `${reference}\n` });
    assert.match(pulled.stderr, /Copying blob/);
    assert.equal(await print(store, "pull", "-q", "--tls-verify", "false", name), `${reference}\n`);
    const [image, ...others] = await imagesIn(store);
    assert.deepEqual(others, []);
    assert.deepEqual([image?.id, image?.names, image?.prepared], [id, [reference], true]);

    const absent = await smolvm(store, ["pull", "-q", "--tls-verify", "false", `${registry.address}/none`, name]);
    assert.deepEqual({ code: absent.code, stdout: absent.stdout }, { code: 1, stdout: `${reference}\n` });
    assert.match(absent.stderr, /^smolvm: Cannot pull image ".*\/none:latest": .*manifest unknown.*\n$/);
  },
);

storeTest("pull uses the registry credentials of docker, podman and REGISTRY_AUTH_FILE", async (store) => {
  await using registry = await startRegistry(store.folder, { login: true });
  const reference = `${registry.address}/private/app:1`;
  const { name, password } = REGISTRY_USER;
  await build(store);
  const push = ["push", "--quiet", "--tls-verify=false", `--creds=${name}:${password}`];
  await store.buildah(...push, "localhost/app:1", `docker://${reference}`);
  await store.buildah("rmi", "localhost/app:1");
  const pull = (env = {}) => smolvm(store, ["pull", "-q", "--tls-verify", "false", reference], env);

  const refused = await pull();
  assert.deepEqual({ code: refused.code, stdout: refused.stdout }, { code: 1, stdout: "" });
  assert.match(refused.stderr, /^smolvm: Cannot pull image ".*": .*authentication required.*\n$/);
  assert.deepEqual(await imagesIn(store), []);

  const auths = { [registry.address]: { auth: btoa(`${name}:${password}`) } };
  const home = `${store.folder}/home`;
  const files = {
    docker: `${home}/.docker/config.json`,
    podman: `${home}/run/containers/auth.json`,
    own: `${home}/a.json`,
  };
  for (const [whose, file] of Object.entries(files)) {
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, JSON.stringify({ auths }));
    const pulled = await pull(whose === "own" ? { REGISTRY_AUTH_FILE: file } : {});
    assert.deepEqual([pulled.code, pulled.stdout, pulled.stderr], [0, `${reference}\n`, ""], whose);
    await Deno.remove(file);
    await print(store, "rmi", reference);
  }
});

storeTest("images lists names, ids, sizes and archives, the newest first", async (store) => {
  assert.equal(await print(store, "images"), "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE   PREPARED\n");
  assert.equal(await print(store, "images", "-q"), "");
  assert.deepEqual(await imagesIn(store), []);

  const first = await build(store, "localhost/first:1");
  await store.buildah("tag", "localhost/first:1", "localhost/team/again:2");
  const archive = `oci-archive:${store.folder}/app.tar`;
  await build(store, "localhost/other:1");
  await exportImage(store, "localhost/other:1", archive);
  await store.buildah("rmi", "localhost/other:1");
  assert.equal(await print(store, "pull", "-q", archive), `${archive}\n`);
  const [loaded, image] = await imagesIn(store);
  assert.deepEqual([loaded?.names, loaded?.origin, loaded?.prepared], [[], archive, true]);
  assert.deepEqual([image?.id, image?.origin, image?.prepared], [first, null, false]);
  assert.deepEqual(image?.names, ["localhost/first:1", "localhost/team/again:2"]);
  assert.ok(image.sizeBytes >= CONTENT_BYTES && image.sizeBytes < CONTENT_BYTES + 10_000, `${image.sizeBytes}`);

  const rows = (await print(store, "images")).trimEnd().split("\n").slice(1);
  const id = first.slice(0, 12);
  assert.match(rows[0]!, new RegExp(`^${archive} +<none> +[0-9a-f]{12} +.* ago +3 MB +yes$`));
  assert.match(rows[1]!, new RegExp(`^localhost/first +1 +${id} +.* ago +3 MB +-$`));
  assert.match(rows[2]!, new RegExp(`^localhost/team/again +2 +${id} +`));
  assert.equal(await print(store, "images", "-q"), `${loaded!.id.slice(0, 12)}\n${id}\n`);
  assert.match(await print(store, "rmi", archive), /^Deleted: sha256:/);
});

storeTest("rmi removes a name, and with the last name the image and its prepared root filesystem", async (store) => {
  const id = await build(store);
  await store.buildah("tag", "localhost/app:1", "localhost/again:2");
  await identityOf("localhost/app:1");
  assert.deepEqual(await containersOf(store), [`smolvm-${id.slice(0, 16)}`]);

  await assertRefused(store, ["rmi", id], /has the names localhost\/app:1, localhost\/again:2\n.*--force/);
  assert.equal(await print(store, "rmi", "app:1"), "Untagged: localhost/app:1\n");
  assert.equal(await print(store, "rmi", id.slice(0, 5)), `Untagged: localhost/again:2\nDeleted: sha256:${id}\n`);
  assert.deepEqual(await imagesIn(store), []);
  assert.deepEqual(await containersOf(store), []);
  assert.deepEqual([...Deno.readDirSync(`${store.env.XDG_STATE_HOME}/smolvm/images`)], []);

  await assertRefused(store, ["rmi", "app:1"], /^smolvm: No such image: "app:1"\n$/);
  const again = await build(store);
  await store.buildah("tag", "localhost/app:1", "localhost/again:2");
  const forced = await print(store, "rmi", "--force", again);
  assert.equal(forced, `Untagged: localhost/app:1\nUntagged: localhost/again:2\nDeleted: sha256:${again}\n`);
});

storeTest("rmi refuses and names the machines that use the image; --force ignores stopped machines", async (store) => {
  const id = await build(store);
  const image = await identityOf("localhost/app:1");
  await makeStopped("web", image);
  {
    using _ = await makeRunning("job", image);
    const running = /^smolvm: Cannot remove image "localhost\/app:1": machine "job" uses it and is running\n/;
    await assertRefused(store, ["rmi", "app:1"], running);
    await assertRefused(store, ["rmi", "--force", "app:1"], running);
  }
  await assertRefused(store, ["rmi", "app:1"], /^smolvm: .*: machine "web" uses it\n.*--force/);
  await makeStopped("db", image);
  await assertRefused(store, ["rmi", "app:1"], /^smolvm: .*: machines "web", "db" use it\n/);
  const [container] = await containersOf(store);
  assert.ok(container, "the refused removals removed nothing");

  assert.match(await print(store, "rmi", "--force", "app:1"), new RegExp(`Deleted: sha256:${id}`));
  assert.equal(await print(store, "list", "-q"), "web\ndb\n", "machines stay");
  for (const name of ["web", "db"]) await remove(name);
});

storeTest("rmi refuses an image that a container of buildah or podman uses", async (store) => {
  await build(store);
  await identityOf("localhost/app:1");
  const container = await store.buildah("from", "localhost/app:1");
  const refusal = new RegExp(
    `Cannot remove image "localhost/app:1": the container "${container}" of buildah or podman`,
  );
  for (const force of [[], ["--force"]]) await assertRefused(store, ["rmi", ...force, "app:1"], refusal);
  assert.equal((await containersOf(store)).length, 2);
});

storeTest("removeImage() waits while a prepared image is held, then refuses if a machine uses it", async (store) => {
  await build(store);
  const { reference, imageId, digest, hold } = await prepare("localhost/app:1");
  const opened = await openStore();
  let settled = false;
  const removing = removeImage("app:1", opened, { force: true }).finally(() => settled = true);
  const refused = assert.rejects(removing, { code: "machine-state", message: /machine "job" uses it and is running/ });
  await pause(700);
  assert.equal(settled, false, "it waits");
  using _ = await makeRunning("job", { reference, imageId, digest });
  hold[Symbol.dispose]();
  await refused;
  assert.equal((await imagesIn(store))[0]?.prepared, true);
});

storeTest("removing an image while machines start does not take it away from any of them", async (store) => {
  await using registry = await startRegistry(store.folder);
  const reference = `${registry.address}/app:1`;
  await build(store);
  await exportImage(store, "localhost/app:1", `docker://${reference}`);
  const opened = await openStore();
  const seed = Number(Deno.env.get("SMOLVM_TEST_SEED") ?? Date.now() % 2 ** 31);
  console.log(`SMOLVM_TEST_SEED=${seed}`);
  const random = new Random(seed);
  let [starts, removals] = [0, 0];
  const startOften = async () => {
    for (let time = 0; time < 5; time++) {
      await pause(random.upTo(200));
      const { hold, rootfs } = await prepare(reference);
      using _ = hold;
      await pause(random.upTo(100));
      // An ordinary user's image is mounted only by the runner.
      if (rootfs.kind === "mounted") assert.equal((await Deno.stat(`${rootfs.path}/content`)).size, CONTENT_BYTES);
      starts++;
    }
  };
  const removeOften = async () => {
    while (starts < 10) {
      await pause(random.upTo(200));
      try {
        await removeImage(reference, opened, { force: false });
        removals++;
      } catch (error) {
        assert.equal((error as { code?: string }).code, "no-image", String(error));
      }
    }
  };
  await Promise.all([startOften(), startOften(), removeOften()]);
  assert.ok(removals > 0);
});

storeTest("inspect prints machines and images, and reports names that are neither", async (store) => {
  const id = await build(store);
  const image = await identityOf("localhost/app:1");
  await makeStopped("web", image);
  // A machine takes precedence over an image of the same name.
  await makeStopped("app", image);
  const outcome = await smolvm(store, ["inspect", "web", "none", "app", "app:1"]);
  assert.equal(outcome.code, 1);
  assert.equal(outcome.stderr.split("\n")[0], 'smolvm: No such machine or image: "none"');
  const [web, app, found] = JSON.parse(outcome.stdout);
  const { folder } = persistentFolders(web.id);
  assert.deepEqual([web.name, web.state, web.folder, web.pid], ["web", "created", folder, null]);
  assert.deepEqual(web.logs, {
    command: `${folder}/vm/command.log`,
    runner: `${folder}/vm/runner.log`,
    console: `${folder}/vm/console.log`,
    network: null,
  });
  assert.equal(app.name, "app");
  assert.deepEqual([found.id, found.digest, found.names], [id, image.digest, ["localhost/app:1"]]);
  const { entrypoint, cmd, env } = found.config;
  assert.deepEqual({ entrypoint, cmd, env }, { entrypoint: [], cmd: ["true"], env: ["GREETING=hi"] });
  assert.equal(found.os, "linux");
  assert.equal(found.layers.length, 1);

  const [typed] = JSON.parse(await print(store, "inspect", "--type", "image", "localhost/app:1"));
  assert.deepEqual(typed, found);
  const absent = await smolvm(store, ["inspect", "--type", "machine", "app:1"]);
  assert.deepEqual({ code: absent.code, stdout: absent.stdout }, { code: 1, stdout: "[]\n" });
  assert.match(absent.stderr, /^smolvm: No such machine: "app:1"\n/);
  for (const name of ["web", "app"]) await remove(name);
});
