/** The runtime module in users' scripts, with the least permissions and without a VM. */
import assert from "node:assert/strict";
import { buildImage } from "../fixtures/images.ts";
import { bundle, CHECKOUT, serveModule } from "../helpers/module_server.ts";
import { imagePermissions, machinePermissions } from "../helpers/permissions.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";

/** A machine's whole life without its VM: the start fails because the runner finds no libkrun. */
const scriptWith = (module: string) => `
import { Machine, SmolvmError } from "${module}";

const machine = await Machine.create({ name: "web", source: Deno.args[0], command: ["true"] });
console.log((await Machine.list()).map((machine) => machine.name).join());
await machine.start().catch((error) => console.log(error instanceof SmolvmError, error.code, error.message));
await machine.stop({ force: true });
await machine.delete();
console.log((await Machine.list()).length);
`;
const EXPECTED = 'web\ntrue dependency Cannot find libkrun: SMOLVM_LIBKRUN names "/nowhere"\n0\n';

/** The home folder of a user who has a script and no checkout. */
interface Home extends Disposable {
  path: string;
  env: Record<string, string>;
  permissions: string[];
}

function makeHome(): Home {
  const temp = makeTempFolder();
  const { path } = temp;
  for (const name of ["rootfs", "run"]) Deno.mkdirSync(`${path}/${name}`);
  Deno.writeTextFileSync(`${path}/deno.json`, "{}");
  const lib = `${CHECKOUT}lib`;
  return {
    path,
    env: { HOME: path, XDG_RUNTIME_DIR: `${path}/run`, SMOLVM_LIB: lib, SMOLVM_LIBKRUN: "/nowhere" },
    permissions: machinePermissions({
      state: `${path}/.local/state/smolvm`,
      runtime: `${path}/run/smolvm`,
      configFile: `${path}/.config/smolvm/smolvm.toml`,
      lib,
      sources: [`${path}/rootfs`],
    }),
    [Symbol.dispose]: () => temp[Symbol.dispose](),
  };
}

/** Runs a script in this home with only the given permissions, and returns its output. */
async function outputOf(home: Home, script: string, { flags = [] as string[], env = {} } = {}): Promise<string> {
  const args = [
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    ...home.permissions,
    ...flags,
    script,
    `${home.path}/rootfs`,
  ];
  const outcome = await runProcess(Deno.execPath(), { args, cwd: home.path, env: { ...home.env, ...env } });
  assertCode(outcome, 0);
  return outcome.stdout;
}

/** Writes the script into the home. */
async function write(home: Home, script: string): Promise<string> {
  await Deno.writeTextFile(`${home.path}/script.ts`, script);
  return `${home.path}/script.ts`;
}

Deno.test("the module works when imported by path, with the least permissions and a package.json", async () => {
  using home = makeHome();
  await Deno.writeTextFile(`${home.path}/package.json`, "{}");
  assert.equal(await outputOf(home, await write(home, scriptWith(`${CHECKOUT}src/mod.ts`))), EXPECTED);
});

Deno.test("a script does not exit while it waits for a machine, with or without top-level await", async () => {
  using home = makeHome();
  const [start, ...body] = scriptWith(`${CHECKOUT}src/mod.ts`).split("\n\n");
  const script = await write(home, `${start}\n(async () => {\n${body.join("\n\n")}})();\n`);
  assert.equal(await outputOf(home, script), EXPECTED);
});

Deno.test("the module works when imported by URL, with the least permissions", async () => {
  using home = makeHome();
  await using server = await serveModule(home.path);
  const { flags, env } = server;
  const script = await write(home, scriptWith(server.module));
  assert.equal(await outputOf(home, script, { flags, env }), EXPECTED);

  const withoutLib = { ...env, SMOLVM_LIB: "" };
  await write(
    home,
    `import { Machine } from "${server.module}";
    await Machine.create({ source: Deno.args[0] }).catch((error) => console.log(error.code, error.message, error.hint));`,
  );
  assert.match(await outputOf(home, script, { flags, env: withoutLib }), /^dependency .*not on this host .*SMOLVM_LIB/);
});

Deno.test("the module works in a bundle, with the least permissions", async () => {
  using home = makeHome();
  await bundle(await write(home, scriptWith(`${CHECKOUT}src/mod.ts`)), `${home.path}/bundle.js`);
  assert.equal(await outputOf(home, `${home.path}/bundle.js`), EXPECTED);
});

Deno.test("the module finds and removes images with the least permissions", async () => {
  using home = makeHome();
  const storage = `${home.path}/storage`;
  // vfs needs no mounts that must be undone, and overlay does not work everywhere.
  const env = { SMOLVM_STORAGE: storage, STORAGE_DRIVER: "vfs" };
  const options = ["--root", `${storage}/root`, "--runroot", `${storage}/runroot`];
  const buildah = async (...args: string[]) => {
    const outcome = await runProcess("buildah", { args: [...options, ...args], env });
    assertCode(outcome, 0);
    return outcome.stdout.trim();
  };
  const name = "localhost/app:latest";
  await buildImage({ buildah }, { name, rootfs: `${home.path}/rootfs` });
  const script = await write(
    home,
    `import { Images, Machine } from "${CHECKOUT}src/mod.ts";
    const machine = await Machine.create({ name: "web", source: "app" });
    await machine.delete();
    console.log((await Images.list()).flatMap(({ names }) => names).join());
    await Images.remove("app");
    console.log((await Images.list()).length);`,
  );
  const program = (await runProcess("sh", { args: ["-c", "command -v buildah"] })).stdout.trim();
  home.permissions.push(...imagePermissions({ storage, buildah: program }));
  assert.equal(await outputOf(home, script, { env }), `${name}\n0\n`);
});

Deno.test("loading the module needs no permission, and Deno reports a missing one later", async () => {
  using home = makeHome();
  home.permissions = [];
  const script = await write(
    home,
    `import { Machine } from "${CHECKOUT}src/mod.ts";
    await Machine.list().catch((error) => console.log(error.name, error.message));`,
  );
  assert.match(await outputOf(home, script), /^NotCapable Requires sys access to "uid"/);
});
