// Completion in real shells, on real terminals.
import assert from "node:assert/strict";
import { acquireLock } from "../../src/host/lock.ts";
import { dirname } from "../../src/host/path.ts";
import { writeRecord } from "../../src/image/record.ts";
import { CREATED, writeStatus } from "../../src/state/status.ts";
import { machineLock } from "../../src/state/machine_folders.ts";
import { type Cli, makeCli, SMOLVM } from "../helpers/cli.ts";
import { assertCode, Process } from "../helpers/process.ts";

const PROMPT = "ready> ";

/** A shell in which `smolvm` prints its arguments instead of running, except for completion. */
interface Shell {
  command: string;
  setUp: string;
}

const WRAPPER = `smolvm() { case $1 in __complete) command smolvm "$@" ;; *) printf '[%s]' "$@"; echo ;; esac; }`;
const SHELLS: Record<string, Shell> = {
  bash: {
    command: "bash --norc --noprofile -i",
    setUp: `PS1='${PROMPT}'; ${WRAPPER}; source <(command smolvm completion bash)`,
  },
  zsh: {
    command: "zsh -f -i",
    setUp: `PS1='${PROMPT}'; autoload -U compinit; compinit -u -D; ${WRAPPER}; ` +
      "source <(command smolvm completion zsh)",
  },
  fish: {
    command: "fish --no-config -i",
    setUp: `function fish_prompt; echo -n '${PROMPT}'; end; command smolvm completion fish | source; ` +
      `function smolvm; if test "$argv[1]" = __complete; command smolvm $argv; ` +
      `else; printf '[%s]' $argv; echo; end; end`,
  },
};

/** The text before Tab, and the completed text. */
const TYPED: [typed: string, words: string[]][] = [
  ["doc", ["doctor"]],
  ["run --env-f", ["run", "--env-file"]],
  ["run --pull ne", ["run", "--pull", "never"]],
  ["run --pull=ne", ["run", "--pull=never"]],
  ["config get default_c", ["config", "get", "default_cpus"]],
  ["start we", ["start", "web-idle"]],
  ["exec we", ["exec", "web-live"]],
  ["run localhost:5000/ap", ["run", "localhost:5000/app:2"]],
  ["run --env-file=./fil", ["run", "--env-file=./file"]],
  ["cp ./fil\tweb", ["cp", "./file", "web-live:"]],
];

/** A `smolvm` with a running machine, a stopped one, an image and a file; `env` is for a shell. */
async function makePopulated(): Promise<{ cli: Cli; env: Record<string, string> } & Disposable> {
  const cli = makeCli();
  await Deno.mkdir(`${cli.folder}/root`);
  for (const name of ["web-idle", "web-live"]) assertCode(await cli.run(["create", "--name", name, "root"]), 0);
  await Deno.writeTextFile(`${cli.folder}/file`, "");
  const [live] = JSON.parse((await cli.run(["list", "--json", "--filter", "name=live"])).stdout);
  const folder = `${cli.state}/smolvm/machines/${live.id}`;
  await writeStatus(folder, { ...CREATED, state: "running", started: new Date().toISOString() });
  const lock = await acquireLock(machineLock(folder), { exclusive: true, wait: true });
  await Deno.mkdir(`${cli.state}/smolvm/images`);
  const stamp = { path: "/none", inode: 0, sizeBytes: 0, mtimeMs: 0 };
  const references = ["localhost:5000/app:2", "docker.io/library/alpine:latest", "docker.io/grafana/grafana:11"];
  for (const [index, reference] of references.entries()) {
    await writeRecord(`${cli.state}/smolvm/images/${index}.json`, {
      reference,
      imageId: "0".repeat(64),
      digest: `sha256:${"0".repeat(64)}`,
      config: { entrypoint: [], cmd: [], env: [], user: "", workingDir: "", stopSignal: "" },
      container: { name: "x", folder: "/none", rootfs: null },
      images: stamp,
      origin: null,
    });
  }
  const env = {
    PATH: `${dirname(SMOLVM)}:${Deno.env.get("PATH")}`,
    HOME: cli.folder,
    XDG_STATE_HOME: cli.state,
    XDG_CONFIG_HOME: `${cli.folder}/config`,
    TERM: "xterm",
  };
  const dispose = () => [lock, cli].forEach((resource) => resource[Symbol.dispose]());
  return { cli, env, [Symbol.dispose]: dispose };
}

for (const [name, { command, setUp }] of Object.entries(SHELLS)) {
  Deno.test(`smolvm completion ${name} completes commands, options, values, machines, images and files`, async () => {
    using populated = await makePopulated();
    const script = Deno.build.os === "darwin"
      ? ["-q", "/dev/null", ...command.split(" ")]
      : ["--quiet", "--command", command, "/dev/null"];
    await using shell = new Process("script", { args: script, cwd: populated.cli.folder, env: populated.env });
    await shell.write(`${setUp}; echo set''up\n`);
    await shell.untilStdout(new RegExp(`setup\\s[^]*${PROMPT}`));
    for (const [typed, words] of TYPED) {
      await shell.write(`smolvm ${typed}\t\n`);
      const [, found] = await shell.untilStdout(new RegExp(`(?:^|[\\r\\n])(\\[\\S*\\])\\s[^]*${PROMPT}`));
      assert.equal(found, words.map((word) => `[${word}]`).join(""), typed);
    }
    await shell.write("exit\n");
    await shell.outcome; // It may write a history first.
  });
}

Deno.test("smolvm completion offers each machine once, if its state suits the command", async () => {
  using populated = await makePopulated();
  const complete = async (...words: string[]) => {
    const { code, stdout, stderr } = await populated.cli.run(["__complete", ...words]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    return stdout.split("\n").slice(0, -1).map((line) => line.split("\t")[0]);
  };
  assert.deepEqual(await complete("delete", ""), ["web-idle", "web-live"]);
  assert.deepEqual(await complete("delete", "-f", "web-idle", ""), ["web-live"]);
  assert.deepEqual(await complete("stop", ""), ["web-live"]);
  assert.deepEqual(await complete("port", ""), ["web-idle", "web-live"]);
  assert.deepEqual(await complete("start", "x"), []);
  assert.deepEqual(await complete("run", ""), ["grafana/grafana:11", "alpine", "localhost:5000/app:2", ":files"]);
  assert.deepEqual(await complete("run", "alpine", "ls", "-"), []);
  assert.deepEqual(await complete("run", "--name", ""), []);
  assert.deepEqual(await complete("help", "conf"), ["config"]);
  assert.deepEqual(await complete("cp", ""), ["web-live:", ":files"]);
  assert.deepEqual(await complete("cp", "web-live:/e"), []);
  assert.deepEqual(await complete("run", "-v", "./src"), [":files"]);
  assert.deepEqual(await complete("run", "-v", "./src:/s"), []);
});

Deno.test("smolvm completion describes its candidates", async () => {
  using populated = await makePopulated();
  const { stdout } = await populated.cli.run(["__complete", "exec", ""]);
  assert.equal(stdout, `web-live\trunning, ${populated.cli.folder}/root\n`);
  assert.match((await populated.cli.run(["__complete", "doc"])).stdout, /^doctor\tCheck /);
});

Deno.test("smolvm completion accepts the known shells, and hides its internal command", async () => {
  using cli = makeCli();
  for (const args of [[], ["tcsh"], ["bash", "x"]]) assertCode(await cli.run(["completion", ...args]), 125);
  assert.doesNotMatch((await cli.run(["--help"])).stdout, /__complete/);
});
