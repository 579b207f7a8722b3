/** `run` of OCI images: their sources and their configuration. */
import assert from "node:assert/strict";
import { buildImage, exportImage, type ImageRecipe, type ImageStore, makeImageStore } from "../fixtures/images.ts";
import { startRegistry } from "../fixtures/registry.ts";
import { assertCode } from "../helpers/process.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs } = suite;

/** Builds images outside the storage that the tests' smolvm uses, so that smolvm must fetch them. */
let builder: ImageStore;
let registry: Awaited<ReturnType<typeof startRegistry>>;

Deno.test.beforeAll(async () => {
  builder = await makeImageStore();
  registry = await startRegistry(builder.folder);
});
Deno.test.afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await builder[Symbol.asyncDispose]();
});

/** Builds the image `localhost/NAME` from the shared root filesystem and a file `/says` that contains `text`. */
async function build(name: string, text: string, config: Partial<ImageRecipe> = {}): Promise<string> {
  const folder = `${builder.folder}/${name.replaceAll(/\W/g, "-")}`;
  assert.ok((await new Deno.Command("cp", { args: ["-a", rootfs, folder] }).output()).success);
  await Deno.writeTextFile(`${folder}/says`, text);
  await buildImage(builder, { name: `localhost/${name}`, rootfs: folder, cmd: ["cat", "/says"], ...config });
  return `localhost/${name}`;
}

/** Returns a PATH without programs, and so without buildah. */
function pathWithoutBuildah(): Promise<string> {
  return suite.makeFolder("bin");
}

test("run pulls from a registry with progress output, and later needs neither the registry nor buildah", async () => {
  const image = await build("app:1", "version 1\n");
  const reference = `${registry.address}/team/app:1`;
  await exportImage(builder, image, `docker://${reference}`);

  const refused = await smolvm(["run", "--pull", "never", reference]);
  assertCode(refused, 125);
  assert.match(refused.stderr, new RegExp(`^smolvm: .*"${reference}"`));

  const pulled = await smolvm(["run", "--tls-verify=false", reference]);
  assertCode(pulled, 0);
  assert.equal(pulled.stdout, "version 1\n");
  assert.match(pulled.stderr, /Copying blob/);

  const script = "echo again; cat /says; echo x >/says";
  const cached = await smolvm(["run", "--pull", "never", reference, "sh", "-c", script], {
    env: { PATH: await pathWithoutBuildah() },
  });
  assertCode(cached, 0);
  assert.deepEqual([cached.stdout, cached.stderr], ["again\nversion 1\n", ""]);

  await exportImage(builder, await build("app:2", "version 2\n"), `docker://${reference}`);
  const missing = await smolvm(["run", "--tls-verify=false", reference]);
  assert.equal(missing.stdout, "version 1\n", "the machine's writes are gone, and nothing was pulled");
  const always = await smolvm(["-q", "run", "--tls-verify=false", "--pull", "always", reference]);
  assertCode(always, 0);
  assert.deepEqual([always.stdout, always.stderr], ["version 2\n", ""]);
});

test("run accepts a digest", async () => {
  const image = await build("digest:1", "by digest\n");
  await exportImage(builder, image, `docker://${registry.address}/digest:1`);
  const response = await fetch(`http://${registry.address}/v2/digest/manifests/1`, {
    headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
  });
  await response.body?.cancel();
  const digest = response.headers.get("docker-content-digest");
  assert.ok(digest !== null);
  const outcome = await smolvm(["run", "-q", "--tls-verify=false", `${registry.address}/digest@${digest}`]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "by digest\n");
});

// image_store_test.ts tests the other transports, without a VM.
test("run accepts oci-archive:PATH", async () => {
  const image = await build("archive:1", "by archive\n");
  const source = `oci-archive:${builder.folder}/exported`;
  await exportImage(builder, image, source);
  const outcome = await smolvm(["run", source]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "by archive\n");
});

test("run honours an image's Entrypoint, Cmd, Env, User and WorkingDir, and flags override them", async () => {
  const show = `echo "$0 $*"; id -un; pwd; echo "$FROM_IMAGE:$BOTH:$PATH"`;
  const image = await build("configured:1", "", {
    entrypoint: ["/bin/sh", "-c", show, "entry point"],
    cmd: ["the", "default  command"],
    env: { FROM_IMAGE: "a b", BOTH: "image", PATH: "/bin:/of/image" },
    user: "app",
    workdir: "/srv/made",
  });
  const source = `oci-archive:${builder.folder}/configured.tar`;
  await exportImage(builder, image, source);

  const plain = await smolvm(["run", source]);
  assertCode(plain, 0);
  assert.equal(plain.stdout, "entry point the default  command\napp\n/srv/made\na b:image:/bin:/of/image\n");

  const flags = ["--user", "0", "--workdir", "/tmp", "--env", "BOTH=flag"];
  const overridden = await smolvm(["run", ...flags, source, "my", "command"]);
  assertCode(overridden, 0);
  assert.equal(overridden.stdout, "entry point my command\nroot\n/tmp\na b:flag:/bin:/of/image\n");

  const replaced = await smolvm(["run", "--entrypoint", "id", source]);
  assertCode(replaced, 0);
  assert.match(replaced.stdout, /^uid=1000\(app\) gid=1000\(app\) groups=.*2000\(extra\)/);
});

test("run accepts the short name of an image in the storage", async () => {
  const image = await build("short:1", "by its short name\n");
  await exportImage(
    builder,
    image,
    `containers-storage:[overlay@${suite.storage}/root+${suite.storage}/runroot]${image}`,
  );
  const outcome = await smolvm(["run", "short:1"]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "by its short name\n");
});

test("run prints buildah's error for an image that does not exist", async () => {
  const reference = `${registry.address}/no/such:image`;
  const outcome = await smolvm(["run", "--tls-verify=false", reference]);
  assertCode(outcome, 125);
  assert.match(outcome.stderr, new RegExp(`^smolvm: Cannot pull image "${reference}": .*manifest unknown\n$`, "m"));
  assert.equal(outcome.stderr.match(/^.*manifest unknown.*$/gm)?.length, 1, outcome.stderr);
});
