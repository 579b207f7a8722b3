/** How smolvm prepares images, with the real buildah and a real registry, and without a VM. */
import assert from "node:assert/strict";
import type { ProgressListener } from "../../src/image/buildah.ts";
import { type PreparedImage, prepareImage, type PrepareOptions } from "../../src/image/prepare.ts";
import { parseReference } from "../../src/image/reference.ts";
import { buildImage, exportImage, type ImageRecipe, type ImageStore, makeImageStore } from "../fixtures/images.ts";
import { startRegistry } from "../fixtures/registry.ts";
import { containersOf, leftInState, mountsBelow, storeTest } from "../helpers/image_store.ts";
import { until } from "../helpers/until.ts";

/** A prepared image without its hold, so that it can be removed. */
type Ready = Omit<PreparedImage, "hold">;

const build = (store: ImageStore, description: Partial<ImageRecipe> = {}) =>
  buildImage(store, { name: "localhost/app:1", rootfs: `${store.folder}/rootfs`, ...description });

async function prepare(text: string, options: Partial<PrepareOptions> = {}): Promise<Ready> {
  const { hold, ...ready } = await prepareImage(parseReference(text, Deno.cwd()), { pull: "missing", ...options });
  hold[Symbol.dispose]();
  return ready;
}

/** Prepares an image without a PATH, so that buildah cannot run. */
async function prepareCached(text: string): Promise<Ready> {
  const path = Deno.env.get("PATH");
  Deno.env.delete("PATH");
  try {
    return await prepare(text);
  } finally {
    if (path !== undefined) Deno.env.set("PATH", path);
  }
}

/** Reads the file `content` of the image's root filesystem. */
async function contentOf({ rootfs }: Ready): Promise<string> {
  if (rootfs.kind === "mounted") return await Deno.readTextFile(`${rootfs.path}/content`);
  const [command = "", ...args] = [...rootfs.command, "sh", "-c", `cat "$${rootfs.variable}/content"`];
  return new TextDecoder().decode((await new Deno.Command(command, { args }).output()).stdout);
}

storeTest("prepareImage() finds a local image by its full and short name, and makes one container", async (store) => {
  const imageId = await build(store, {
    entrypoint: ["/bin/sh", "-c"],
    cmd: ["echo 'a  b'", ""],
    env: { GREETING: "hello world", EMPTY: "" },
    user: "app:extra",
    workdir: "/srv/a b",
    stopSignal: "SIGQUIT",
  });
  const full = await prepare("localhost/app:1");
  assert.equal(full.reference, "localhost/app:1");
  assert.equal(full.imageId, imageId);
  assert.match(full.digest, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual(full.config, {
    entrypoint: ["/bin/sh", "-c"],
    cmd: ["echo 'a  b'", ""],
    env: ["GREETING=hello world", "EMPTY="],
    user: "app:extra",
    workingDir: "/srv/a b",
    stopSignal: "SIGQUIT",
  });
  assert.equal(await contentOf(full), "one");

  const short = await prepare("app:1");
  assert.deepEqual(short.rootfs, full.rootfs);
  assert.deepEqual(await containersOf(store), [`smolvm-${imageId.slice(0, 16)}`]);
});

storeTest("prepareImage() does not run buildah for a prepared image until buildah's storage changes", async (store) => {
  const first = await build(store);
  const prepared = await prepare("localhost/app:1");
  assert.deepEqual(await prepareCached("localhost/app:1"), { ...prepared, cached: true });

  await Deno.writeTextFile(`${store.folder}/rootfs/content`, "two");
  const second = await build(store);
  await assert.rejects(() => prepareCached("localhost/app:1"), { code: "dependency", message: /Cannot find buildah/ });
  const updated = await prepare("localhost/app:1");
  assert.notEqual(second, first);
  assert.equal(updated.imageId, second);
  assert.equal(await contentOf(updated), "two");
  assert.equal(await contentOf(prepared), "one", "machines that still run the old image keep it");
});

storeTest("prepareImage() restores a container that buildah or a reboot unmounted or removed", async (store) => {
  await build(store);
  const prepared = await prepare("localhost/app:1");
  const [container = ""] = await containersOf(store);

  if (prepared.rootfs.kind === "mounted") {
    await store.buildah("umount", container);
    assert.equal(await contentOf(await prepare("localhost/app:1")), "one");
  }
  // Unmount everything, innermost first, without buildah, as a reboot does.
  for (const mount of mountsBelow(store.folder).reverse()) {
    assert.equal((await new Deno.Command("umount", { args: [mount] }).output()).code, 0);
  }
  assert.equal(await contentOf(await prepare("localhost/app:1")), "one");
  await store.buildah("rm", container);
  assert.equal(await contentOf(await prepare("localhost/app:1")), "one");
  assert.deepEqual(await containersOf(store), [container]);
});

storeTest("prepareImage() ignores a broken record and writes a new one", async (store) => {
  await build(store);
  const prepared = await prepare("localhost/app:1");
  const folder = `${store.env.XDG_STATE_HOME}/smolvm/images`;
  const [record] = [...Deno.readDirSync(folder)];
  for (const broken of ["", "{", '{"version": 2}', "[]"]) {
    await Deno.writeTextFile(`${folder}/${record?.name}`, broken);
    assert.deepEqual(await prepare("localhost/app:1"), prepared);
  }
  assert.deepEqual(await prepareCached("localhost/app:1"), { ...prepared, cached: true });
});

for (const transport of ["oci-archive", "docker-archive", "oci", "dir"]) {
  storeTest(`prepareImage() loads ${transport}: once, and again after a change`, async (store) => {
    const reference = `${transport}:${store.folder}/image`;
    // A docker archive holds names.
    const destination = transport === "docker-archive" ? `${reference}:localhost/other:1` : reference;
    await using builder = await makeImageStore();
    const description = { name: "localhost/app:1", rootfs: `${store.folder}/rootfs` };
    const first = await buildImage(builder, description);
    await exportImage(builder, description.name, destination);
    const prepared = await prepare(reference);
    assert.equal(prepared.imageId, first);
    assert.equal(await contentOf(prepared), "one");
    assert.deepEqual(await prepareCached(reference), { ...prepared, cached: true });

    // A new image in the same storage does not make smolvm load this one again.
    let progress = "";
    await build(store, { name: "localhost/unrelated:1" });
    await prepare(reference, { onProgress: (chunk) => progress += new TextDecoder().decode(chunk) });
    assert.equal(progress, "");

    await Deno.writeTextFile(`${store.folder}/rootfs/content`, "two");
    const second = await buildImage(builder, description);
    await Deno.remove(`${store.folder}/image`, { recursive: true });
    await exportImage(builder, description.name, destination);
    const updated = await prepare(reference, { onProgress: (chunk) => progress += new TextDecoder().decode(chunk) });
    assert.equal(updated.imageId, second);
    assert.equal(await contentOf(updated), "two");
    assert.match(progress, /Copying blob/);
  });
}

storeTest(
  "prepareImage() pulls a missing image from a registry without TLS, and then uses it offline",
  async (store) => {
    const { reference, pinned, imageId } = await (async () => {
      await using registry = await startRegistry(store.folder);
      const reference = `${registry.address}/team/app:1`;
      await using builder = await makeImageStore();
      const description = { name: "localhost/app:1", rootfs: `${store.folder}/rootfs` };
      const first = await buildImage(builder, description);
      await exportImage(builder, description.name, `docker://${reference}`);

      await assert.rejects(() => prepare(reference, { pull: "never", tlsVerify: false }), {
        code: "image",
        message: new RegExp(`^Cannot find image "${reference}" in the storage: .*image not known`),
      });
      let progress = "";
      const onProgress: ProgressListener = (chunk) => progress += new TextDecoder().decode(chunk);
      const prepared = await prepare(reference, { tlsVerify: false, onProgress });
      assert.equal(prepared.imageId, first);
      assert.equal(await contentOf(prepared), "one");
      assert.match(progress, /Trying to pull .*\n(.*\n)*.*Copying blob/);

      await Deno.writeTextFile(`${store.folder}/rootfs/content`, "two");
      const second = await buildImage(builder, description);
      await exportImage(builder, description.name, `docker://${reference}`);
      assert.equal((await prepare(reference, { tlsVerify: false })).imageId, first);
      const updated = await prepare(reference, { pull: "always", tlsVerify: false });
      assert.equal(updated.imageId, second);

      const pinned = `${registry.address}/team/app@${prepared.digest}`;
      assert.equal((await prepare(pinned, { tlsVerify: false })).imageId, first);
      return { reference, pinned, imageId: { reference: second, pinned: first } };
    })();

    assert.equal((await prepareCached(reference)).imageId, imageId.reference);
    assert.equal((await prepareCached(pinned)).imageId, imageId.pinned);
    // Also after a change that makes smolvm ask buildah again.
    await build(store, { name: "localhost/unrelated:1" });
    assert.equal((await prepare(reference)).imageId, imageId.reference);
    assert.equal((await prepare(pinned)).imageId, imageId.pinned);
  },
);

storeTest("prepareImage() reports buildah's error for a failed pull or load, and leaves nothing", async (store) => {
  await using registry = await startRegistry(store.folder);
  const temporary = () => [...Deno.readDirSync("/var/tmp")].map(({ name }) => name).sort();
  const before = temporary();
  const absent = `${registry.address}/absent:1`;
  await assert.rejects(() => prepare(absent, { tlsVerify: false }), {
    code: "image",
    message: new RegExp(`^Cannot pull image "${absent}": .*manifest unknown`),
  });
  await assert.rejects(() => prepare(absent, { tlsVerify: true }), {
    code: "image",
    message: /server gave HTTP response to HTTPS client/,
  });
  await assert.rejects(() => prepare(`oci-archive:${store.folder}/none.tar`), {
    code: "image",
    message: new RegExp(`^Cannot load image ".*": "${store.folder}/none\\.tar": No such file or directory$`),
  });
  await Deno.writeTextFile(`${store.folder}/text.tar`, "not an archive");
  for (const transport of ["docker-archive", "oci-archive"]) {
    await assert.rejects(() => prepare(`${transport}:${store.folder}/text.tar`), { code: "image" });
  }
  assert.deepEqual(temporary(), before);
  assert.deepEqual(await containersOf(store), []);
  assert.deepEqual(mountsBelow(store.folder), []);
});

storeTest("prepareImage() refuses an image for another architecture before it makes a container", async (store) => {
  const foreign = Deno.build.arch === "aarch64" ? "amd64" : "arm64";
  await build(store, { arch: foreign });
  await assert.rejects(() => prepare("localhost/app:1"), {
    code: "image",
    message: new RegExp(`^Cannot run image "localhost/app:1": it is for linux/${foreign}, this host runs linux/`),
  });
  assert.deepEqual(await containersOf(store), []);
});

storeTest("concurrent prepareImage() calls for an image with two names make one container", async (store) => {
  await build(store);
  await store.buildah("tag", "localhost/app:1", "localhost/again:1");
  const script = `import { prepareImage } from ${JSON.stringify(import.meta.resolve("../../src/image/prepare.ts"))};
    import { parseReference } from ${JSON.stringify(import.meta.resolve("../../src/image/reference.ts"))};
    const { imageId, rootfs } = await prepareImage(parseReference(Deno.args[0], "/"), { pull: "missing" });
    console.log(JSON.stringify({ imageId, rootfs }));`;
  await Deno.writeTextFile(`${store.folder}/prepare.ts`, script);
  const names = ["localhost/app:1", "localhost/again:1", "app:1", "localhost/app:1", "again:1", "localhost/again:1"];
  const answers = await Promise.all(names.map(async (name) => {
    const args = ["run", "-A", "--no-check", "--no-config", `${store.folder}/prepare.ts`, name];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
  }));
  assert.equal(new Set(answers).size, 1, answers.join("\n"));
  assert.match(answers[0]!, /^\{"imageId":"[0-9a-f]{64}"/);
  assert.equal((await containersOf(store)).length, 1);
});

storeTest("an interrupted pull ends buildah and leaves nothing behind", async (store) => {
  await using server = silentServer();
  const interrupt = new AbortController();
  const pulling = prepare(`${server.address}/app:1`, { tlsVerify: false, signal: interrupt.signal });
  await server.asked;
  assert.equal(processesNaming(server.address).length > 0, true);
  interrupt.abort();
  await assert.rejects(pulling, { code: "interrupted" });
  assert.deepEqual(processesNaming(server.address), []);
  assert.deepEqual(await containersOf(store), []);
});

storeTest("the pull of a killed process ends and leaves nothing behind", async (store) => {
  await using server = silentServer();
  const script = `import { prepareImage } from ${JSON.stringify(import.meta.resolve("../../src/image/prepare.ts"))};
    import { parseReference } from ${JSON.stringify(import.meta.resolve("../../src/image/reference.ts"))};
    await prepareImage(parseReference("${server.address}/app:1", "/"), { pull: "missing", tlsVerify: false });`;
  const victim = new Deno.Command(Deno.execPath(), { args: ["eval", "--no-config", script] }).spawn();
  await server.asked;
  victim.kill("SIGKILL");
  await victim.status;
  const isOver = () => processesNaming(`${server.address}/app:1`).length === 0 && leftInState(store).length === 0;
  await until(isOver, { timeoutMs: 5000 });
});

/** Starts a registry that accepts requests and never answers. */
function silentServer(): AsyncDisposable & { address: string; asked: Promise<void> } {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      resolve();
    }
  })();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
    },
  };
}

/** Returns the live processes with a text in their command line. */
function processesNaming(text: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    try {
      // The command line of a zombie is empty.
      if (Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(text)) found.push(name);
    } catch {
      // It has exited meanwhile.
    }
  }
  return found;
}
