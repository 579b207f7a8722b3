import assert from "node:assert/strict";
import deno from "../../deno.json" with { type: "json" };
import { assertNothingLeft, makeCli, SMOLVM } from "../helpers/cli.ts";
import { runProcess } from "../helpers/process.ts";

/** The standard output of `smolvm ARGS`, which must not fail, print errors or leave files. */
async function print(...args: string[]): Promise<string> {
  using cli = makeCli();
  const { code, stdout, stderr } = await cli.run(args);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  await assertNothingLeft(cli);
  return stdout;
}

Deno.test("smolvm --version prints the version and nothing else", async () => {
  assert.equal(await print("--version"), `${deno.version}\n`);
});

Deno.test("smolvm --help names every command and every option of all commands", async () => {
  const help = await print("--help");
  for (const part of ["--version", "-q, --quiet", "--log-level <level>"]) {
    assert.ok(help.includes(part), `"${part}" is not in:\n${help}`);
  }
  for (const command of ["run", "create", "exec", "list, ls, ps", "pull", "doctor", "config"]) {
    assert.match(help, new RegExp(`^  ${command}  +[A-Z]`, "m"));
  }
  assert.equal(await print("-h"), help);
  assert.equal(await print("help"), help);
});

Deno.test("smolvm run --help names every option and shows examples", async () => {
  const help = await print("run", "--help");
  const long = [
    "name",
    "memory",
    "cpus",
    "workdir",
    "env",
    "env-file",
    "volume",
    "publish",
    "net",
    "allow-net",
    "deny-net",
    "network",
    "dns",
    "interactive",
    "tty",
  ];
  const more = ["file", "disk", "user", "entrypoint", "hostname", "pull", "tls-verify", "rm", "timeout", "help"];
  for (const name of [...long, ...more]) assert.match(help, new RegExp(`^  (-[a-z], )?--${name}\\b`, "m"), name);
  for (const short of ["f", "m", "c", "w", "e", "v", "p", "i", "t", "u", "h"]) {
    assert.match(help, new RegExp(`^  -${short}, --`, "m"));
  }
  assert.ok(help.includes("\nExamples:\n  smolvm run alpine echo hello\n"));
  assert.equal(await print("help", "run"), help);
});

Deno.test("smolvm's help fits a terminal of 80 columns, and has a line and examples for each command", async () => {
  const overview = await print("--help");
  const commands = [...overview.matchAll(/^ {2}([a-z]+)[a-z, ]* {2}[A-Z].*$/gm)].map(([, name]) => name!);
  assert.ok(commands.length > 20 && commands.at(-1) === "help", overview);
  const helps = commands.filter((name) => name !== "help").map((name) => [name, "--help"]);
  for (const args of [["--help"], ...helps, ["system", "df", "--help"], ["config", "set", "--help"]]) {
    const help = await print(...args);
    for (const line of help.split("\n")) assert.ok(line.length <= 80, `${args}: ${line}`);
    assert.doesNotMatch(help, /default: (\[\]|false|undefined)/);
    assert.ok(!help.includes("\x1b"));
    if (args[0] === "--help") assert.doesNotMatch(help.slice(help.indexOf("Machines:")), /^ {10}/m);
    else assert.match(help, /\nExamples:\n/, args[0]!);
  }
});

Deno.test("smolvm's help ends silently when its reader is gone", async () => {
  using cli = makeCli();
  const command = `{ sleep 1; "$0" --help; echo "code $?" >&2; } | true`;
  const { stderr } = await runProcess("sh", { args: ["-c", command, SMOLVM], env: { HOME: cli.folder } });
  assert.equal(stderr, "code 0\n");
});

Deno.test("smolvm without a command prints its help on standard error, and fails", async () => {
  using cli = makeCli();
  const { code, stdout, stderr } = await cli.run([]);
  assert.deepEqual({ code, stdout }, { code: 125, stdout: "" });
  assert.match(stderr, /^Usage: smolvm /);
});
