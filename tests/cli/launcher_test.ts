import assert from "node:assert/strict";
import deno from "../../deno.json" with { type: "json" };
import { denoFlags, roleCommand } from "../../src/runner/entry.ts";
import { makeCli, SMOLVM } from "../helpers/cli.ts";
import { type Outcome, runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";

Deno.test("./smolvm works through symlinks, absolute and relative, and from any folder", async () => {
  using folder = makeTempFolder();
  await Deno.mkdir(`${folder.path}/bin`);
  await Deno.symlink(SMOLVM, `${folder.path}/absolute`);
  await Deno.symlink("../absolute", `${folder.path}/bin/relative`);
  for (const command of [`${folder.path}/absolute`, `${folder.path}/bin/relative`, "./bin/relative"]) {
    const { code, stdout, stderr } = await runProcess(command, { args: ["--version"], cwd: folder.path });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${deno.version}\n`, stderr: "" }, command);
  }
});

Deno.test("./smolvm of a checkout that is not set up names the command that sets it up", async () => {
  using folder = makeTempFolder();
  await Deno.copyFile(SMOLVM, `${folder.path}/smolvm`);
  const { code, stdout, stderr } = await runProcess(`${folder.path}/smolvm`, { args: ["--version"] });
  assert.deepEqual({ code, stdout, stderr }, {
    code: 125,
    stdout: "",
    stderr: `smolvm: this checkout is not set up: run ${folder.path}/scripts/setup\n`,
  });
});

/** The outcome of `PROGRAM ARGS` in a removed folder, without the warnings of the launcher's shell. */
async function inRemovedFolder(program: string, args: string[], env: Record<string, string>): Promise<Outcome> {
  using folder = makeTempFolder();
  const lose = `mkdir "$HOME/gone" && cd "$HOME/gone" && rmdir "$HOME/gone" && exec "$0" "$@"`;
  const outcome = await runProcess("sh", { args: ["-c", lose, program, ...args], env: { HOME: folder.path, ...env } });
  const lines = outcome.stderr.split("\n").filter((line) => !/getcwd|shell-init|cannot access parent/.test(line));
  return { ...outcome, stderr: lines.join("\n") };
}

Deno.test("./smolvm works in a removed folder, and says that commands which need it cannot work", async () => {
  using cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  const env = { XDG_STATE_HOME: cli.state, XDG_RUNTIME_DIR: cli.runtime, SMOLVM_STORAGE: cli.storage };
  const root = `${cli.folder}/root`;
  const working: [args: string[], stdout: RegExp][] = [
    [["--version"], /^[\d.]+\n$/],
    [["--help"], /^Usage: /],
    [["create", "--name", "web", "-v", `${root}:/x`, root], /^web\n$/],
    [["ps"], /^NAME .*\nweb /],
    [["inspect", "web"], /"name": "web"/],
    [["config", "path"], /smolvm\.toml\n$/],
    [["images"], /^REPOSITORY /],
    [["rm", "-f", "web"], /web\n$/],
  ];
  for (const [args, expected] of working) {
    const { code, stdout, stderr } = await inRemovedFolder(SMOLVM, args, env);
    assert.deepEqual([code, stderr], [0, ""], `${args}`);
    assert.match(stdout, expected);
  }
  const needy = [
    ["create", "./root"],
    ["create", "-v", "root:/x", root],
    ["create", "-f", "Smolfile", root],
    ["pull", "oci-archive:app.tar"],
  ];
  for (const args of needy) {
    const { code, stdout, stderr } = await inRemovedFolder(SMOLVM, args, env);
    const hint = "Go to a folder that exists, or name files by absolute paths.";
    const expected = `smolvm: Cannot find the working folder: it was removed\n${hint}\n`;
    assert.deepEqual([code, stdout, stderr], [125, "", expected], `${args}`);
  }
});

Deno.test("the download's launcher starts Deno in another folder only when its own is removed", async () => {
  using folder = makeTempFolder();
  await Deno.mkdir(`${folder.path}/lib/portable`, { recursive: true });
  const launcher = decodeURIComponent(new URL("../../scripts/portable_launcher", import.meta.url).pathname);
  await Deno.copyFile(launcher, `${folder.path}/smolvm`);
  await Deno.writeTextFile(
    `${folder.path}/lib/portable/deno`,
    '#!/bin/sh\necho "$(pwd -P) ${SMOLVM_FOLDER_GONE-there}"\n',
    {
      mode: 0o755,
    },
  );
  const program = `${folder.path}/smolvm`;
  assert.equal((await inRemovedFolder(program, [], {})).stdout, "/ 1\n");
  assert.equal((await runProcess(program, { args: [], cwd: folder.path })).stdout, `${folder.path} there\n`);
  const env = { PWD: "/none" };
  assert.equal((await runProcess(program, { args: [], cwd: folder.path, env })).stdout, `${folder.path} there\n`);
});

Deno.test("./smolvm finds the programs that it needs without a PATH", async () => {
  using folder = makeTempFolder();
  const args = ["-i", `HOME=${folder.path}`, `XDG_RUNTIME_DIR=${folder.path}`, SMOLVM, "doctor", "--format", "json"];
  const { stdout, stderr } = await runProcess("env", { args });
  const found = (JSON.parse(stdout) as { name: string; found: string }[]).map(({ name, found }) => `${name}: ${found}`);
  assert.deepEqual([stderr, found.filter((line) => /Cannot find|No such file/.test(line))], ["", []]);
});

Deno.test("the launchers start a runner as a client does", () => {
  const [, ...words] = roleCommand("runner").argv;
  const [file, role] = words.slice(-2);
  const v8Flags = words.find((word) => word.startsWith("--v8-flags="))!.replace("--v8-flags=", "").split(",");
  const command = (flags: string[]) => ["run", "-A", ...flags];
  assert.deepEqual(words, [...command(denoFlags(file!, v8Flags)), file, role]);
  for (const launcher of [SMOLVM, new URL("../../scripts/portable_launcher", import.meta.url)]) {
    const [, started, name] = /--ahead "\$deno" ([^"]+) "\$\w+(?:\/main\.js)?" (\w+) -- /.exec(
      Deno.readTextFileSync(launcher),
    )!;
    assert.deepEqual(started!.split(/[\s\\]+/), command(denoFlags("/main.js", v8Flags)), `${launcher}`);
    assert.equal(name, role);
  }
});
