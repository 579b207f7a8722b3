import assert from "node:assert/strict";
import { type Cli, makeCli, SMOLVM } from "../helpers/cli.ts";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";

const BAD = ["run", "--memroy"];

/** The output of `smolvm ARGS` on a terminal. */
async function onTerminal(args: string[], env: Record<string, string>): Promise<string> {
  const command = [SMOLVM, ...args].map((word) => `'${word}'`).join(" ");
  const script = Deno.build.os === "darwin"
    ? ["-q", "/dev/null", SMOLVM, ...args]
    : ["--quiet", "--return", "--command", command, "/dev/null"];
  const { code, stdout } = await runProcess("script", { args: script, env: { TERM: "xterm", ...env } });
  assert.equal(code, 125, stdout);
  return stdout;
}

Deno.test("smolvm's errors are coloured on a terminal", async () => {
  const shown = await onTerminal(BAD, { NO_COLOR: "" });
  assert.ok(shown.startsWith("\x1b[31msmolvm:\x1b[0m Unknown option"), JSON.stringify(shown));
});

Deno.test("smolvm's errors are not coloured with NO_COLOR or in a pipe", async () => {
  const shown = await onTerminal(BAD, { NO_COLOR: "1" });
  assert.ok(shown.startsWith("smolvm: Unknown option"), JSON.stringify(shown));
  using cli = makeCli();
  const { stderr } = await cli.run(BAD, { env: { NO_COLOR: "", TERM: "xterm" } });
  assert.equal(
    stderr,
    "smolvm: Unknown option '--memroy'\n(Did you mean --memory?)\nRun 'smolvm run --help' for more.\n",
  );
});

Deno.test("smolvm's errors show their cause and stack only at log level debug or trace", async () => {
  using cli = makeCli();
  const args = ["run", "./none"];
  const message = 'smolvm: Cannot use the folder "./none": No such file or directory\n';
  assert.equal((await cli.run(args)).stderr, message);
  for (const env of [{ SMOLVM_LOG: "debug" }, { RUST_LOG: "smolvm=trace" }]) {
    const { stderr } = await cli.run(args, { env });
    assert.ok(stderr.includes(message), stderr);
    assert.match(stderr, /^SmolvmError: .*\n +at /m);
    assert.match(stderr, /\[cause\]: NotFound/);
  }
});

const linux = { ignore: Deno.build.os !== "linux" };
const FULL = "smolvm: Cannot write to standard output: No space left on device\n";

/** The outcome of `smolvm ARGS` with shell redirections. */
async function redirected(cli: Cli, args: string[], redirection: string): Promise<Outcome> {
  const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state, SMOLVM_STORAGE: cli.storage };
  return await runProcess("sh", { args: ["-c", `"$0" "$@" ${redirection}`, SMOLVM, ...args], cwd: cli.folder, env });
}

Deno.test("a failed write of any output is one sentence and exit code 125", linux, async () => {
  using cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  assertCode(await cli.run(["create", "--name", "web", "root"]), 0);
  const printing = [["--version"], ["--help"], ["run", "--help"], ["ps"], ["ps", "-q"], ["list", "--json"], [
    "list",
    "-v",
  ]];
  const more = [["inspect", "web"], ["stop", "web"], ["config", "show"], ["config", "path"], ["completion", "bash"]];
  for (
    const args of [...printing, ...more, ["doctor"], ["create", "--name", "db", "root"], ["rm", "-f", "web", "db"]]
  ) {
    const { code, stderr } = await redirected(cli, args, ">/dev/full");
    assert.deepEqual([code, [...new Set(stderr.split("\n"))].join("\n")], [125, FULL], `${args}`);
  }
  assert.equal((await cli.run(["list", "-q"])).stdout, "", "what was asked for was done, of each of them");
});

Deno.test("a failed write of an error does not change the exit code", linux, async () => {
  using cli = makeCli();
  const failing: [args: string[], code: number][] = [
    [["bogus"], 125],
    [["run", "--memroy"], 125],
    [["stop", "none"], 1],
    [["run", "./none"], 125],
    [[], 125],
    [["ps"], 0],
    [["--log-level", "debug", "ps"], 0],
  ];
  for (const [args, code] of failing) {
    for (const redirection of ["2>/dev/full", ">/dev/full 2>/dev/full", "2>&-", ">&- 2>&- <&-"]) {
      const writes = code === 0 && redirection.startsWith(">/dev/full");
      assert.equal((await redirected(cli, args, redirection)).code, writes ? 125 : code, `${args} ${redirection}`);
    }
  }
});

const asRoot = { ignore: Deno.build.os !== "linux" || Deno.uid() !== 0 };

Deno.test("a state folder of another user is one sentence that names it, and exit code 125", asRoot, async () => {
  using cli = makeCli();
  Deno.mkdirSync(`${cli.state}/smolvm/names`, { recursive: true });
  Deno.mkdirSync(`${cli.state}/smolvm/machines`);
  Deno.chmodSync(cli.folder, 0o755);
  for (const name of ["names", "machines"]) Deno.chmodSync(`${cli.state}/smolvm/${name}`, 0o700);
  const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state, XDG_RUNTIME_DIR: cli.runtime };
  const names = `"${cli.state}/smolvm/names/web"`;
  const machines = `"${cli.state}/smolvm/machines"`;
  const commands: [args: string[], path: string][] = [
    [["rm", "-f", "web"], names],
    [["stop", "web"], names],
    [["exec", "web", "true"], names],
    [["logs", "web"], names],
    [["inspect", "web"], names],
    [["ps"], machines],
    [["stats"], machines],
  ];
  for (const [args, path] of commands) {
    const { code, stderr } = await runProcess(SMOLVM, { args, env, cwd: "/", uid: 65_534, gid: 65_534 });
    assert.deepEqual([code, stderr], [125, `smolvm: Cannot read ${path}: Permission denied\n`], `${args}`);
  }
});
