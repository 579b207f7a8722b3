import assert from "node:assert/strict";
import { dirname } from "../../src/host/path.ts";
import { assertNothingLeft, type Cli, makeCli } from "../helpers/cli.ts";
import type { Outcome } from "../helpers/process.ts";

/** A `smolvm config` without a configuration file at first. */
interface ConfigCli extends Disposable {
  /** The configuration file. */
  path: string;
  /** Runs `smolvm config ARGS`. */
  run(...args: string[]): Promise<Outcome>;
}

function makeConfigCli(): ConfigCli {
  const cli: Cli = makeCli();
  const home = `${cli.folder}/home`;
  const folder = Deno.build.os === "darwin" ? `${home}/Library/Preferences/rs.smolvm` : `${home}/.config/smolvm`;
  return {
    path: `${folder}/smolvm.toml`,
    async run(...args) {
      const outcome = await cli.run(["config", ...args], { env: { HOME: home, XDG_CONFIG_HOME: "" } });
      await assertNothingLeft(cli);
      return outcome;
    },
    [Symbol.dispose]: () => cli[Symbol.dispose](),
  };
}

function writeConfig({ path }: ConfigCli, text: string): void {
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeTextFileSync(path, text);
}

function assertPrinted({ code, stdout, stderr }: Outcome, expected: string): void {
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: "" });
}

function assertRefused({ code, stdout, stderr }: Outcome, ...lines: string[]): void {
  const expected = `smolvm: ${lines.map((line) => `${line}\n`).join("")}`;
  assert.deepEqual({ code, stdout, stderr }, { code: 125, stdout: "", stderr: expected });
}

const BROKEN = "# mine\ndefault_cpu = 2\n";

Deno.test("smolvm config path prints the path of the file, whatever its content", async () => {
  using config = makeConfigCli();
  assertPrinted(await config.run("path"), `${config.path}\n`);
  writeConfig(config, BROKEN);
  assertPrinted(await config.run("path"), `${config.path}\n`);
});

Deno.test("smolvm config show prints every key with its effective value, as a valid file", async () => {
  using config = makeConfigCli();
  const defaults = "default_cpus = 1  # virtual CPUs\n" +
    "default_mem = 512  # memory in MiB\n" +
    "# default_dns is not set: name server for --net instead of the host's\n" +
    "insecure_no_jail = false  # whether VMs run without a jail\n" +
    "warm = 0  # number of warm machines\n" +
    "warm_idle = 600  # idle time-out in seconds\n" +
    "log_max_size = 10  # log file size in MiB\n" +
    "log_max_files = 3  # log files of a machine\n";
  assertPrinted(await config.run("show"), defaults);
  writeConfig(config, 'default_dns = "9.9.9.9"\ndefault_mem = 256\nlog_max_files = 1\n' + "insecure_no_jail = true\n");
  const shown = "default_cpus = 1  # virtual CPUs\n" +
    "default_mem = 256  # memory in MiB\n" +
    'default_dns = "9.9.9.9"  # name server for --net instead of the host\'s\n' +
    "insecure_no_jail = true  # whether VMs run without a jail\n" +
    "warm = 0  # number of warm machines\n" +
    "warm_idle = 600  # idle time-out in seconds\n" +
    "log_max_size = 10  # log file size in MiB\n" +
    "log_max_files = 1  # log files of a machine\n";
  assertPrinted(await config.run("show"), shown);
  for (const text of [defaults, shown]) {
    writeConfig(config, text);
    assertPrinted(await config.run("show"), text);
  }
});

Deno.test("smolvm config get prints only the effective value, and fails when there is none", async () => {
  using config = makeConfigCli();
  assertPrinted(await config.run("get", "default_mem"), "512\n");
  assertRefused(await config.run("get", "default_dns"), "Cannot get default_dns: it is not set");
  writeConfig(config, 'default_dns = "9.9.9.9"\n');
  assertPrinted(await config.run("get", "default_dns"), "9.9.9.9\n");
});

Deno.test("smolvm config set changes one line of the file, and creates a missing file", async () => {
  using config = makeConfigCli();
  assertPrinted(await config.run("set", "default_cpus", "2"), "");
  assert.equal(Deno.readTextFileSync(config.path), "default_cpus = 2\n");
  writeConfig(config, "# mine\ndefault_cpus = 2 # two\n");
  assertPrinted(await config.run("set", "default_cpus", "3"), "");
  assertPrinted(await config.run("set", "default_dns", "::1"), "");
  assert.equal(Deno.readTextFileSync(config.path), '# mine\ndefault_cpus = 3 # two\ndefault_dns = "::1"\n');
});

Deno.test("smolvm config set accepts memory as smolvm run does, and writes MiB", async () => {
  using config = makeConfigCli();
  for (const [size, mib] of [["256", 256], ["512m", 512], ["1.5g", 1536]] as const) {
    assertPrinted(await config.run("set", "default_mem", size), "");
    assert.equal(Deno.readTextFileSync(config.path), `default_mem = ${mib}\n`);
  }
});

Deno.test("smolvm config set accepts the size of a log with a unit, and writes MiB", async () => {
  using config = makeConfigCli();
  assertPrinted(await config.run("set", "log_max_size", "1g"), "");
  assert.equal(Deno.readTextFileSync(config.path), "log_max_size = 1024\n");
});

Deno.test("smolvm config set refuses an invalid value, and does not change the file", async () => {
  using config = makeConfigCli();
  const values: [key: string, value: string, expected: string][] = [
    ["default_cpus", "", "an integer from 1 to 16"],
    ["default_cpus", "two", "an integer from 1 to 16"],
    ["default_cpus", "17", "an integer from 1 to 16"],
    ["default_cpus", "0x2", "an integer from 1 to 16"],
    ["default_mem", "", "an integer from 128 to 16777216"],
    ["default_mem", "lots", "an integer from 128 to 16777216"],
    ["default_mem", "64m", "an integer from 128 to 16777216"],
    ["log_max_size", "500k", "an integer from 1 to 1024"],
    ["log_max_files", "0", "an integer from 1 to 100"],
    ["default_dns", "", "an IP address"],
    ["default_dns", "dns.example", "an IP address"],
  ];
  for (const [key, value, expected] of values) {
    assertRefused(await config.run("set", key, value), `Cannot set ${key} to "${value}": expected ${expected}`);
    assert.throws(() => Deno.statSync(config.path), Deno.errors.NotFound);
  }
});

Deno.test("smolvm config get and set refuse an unknown key with the known ones and the nearest", async () => {
  using config = makeConfigCli();
  const message = 'Unknown key "default_men": expected one of default_cpus, default_mem, default_dns, ' +
    "insecure_no_jail, warm, warm_idle, log_max_size, log_max_files";
  for (const args of [["get", "default_men"], ["set", "default_men", "512"]]) {
    assertRefused(await config.run(...args), message, "Did you mean default_mem?");
  }
});

Deno.test("smolvm config show, get and set name the line and the key of a broken file", async () => {
  using config = makeConfigCli();
  writeConfig(config, BROKEN);
  for (const args of [["show"], ["get", "default_mem"], ["set", "default_mem", "512"]]) {
    assertRefused(
      await config.run(...args),
      `"${config.path}", line 2: unknown key "default_cpu"`,
      "Did you mean default_cpus?",
    );
  }
  assert.equal(Deno.readTextFileSync(config.path), BROKEN);
});

Deno.test("smolvm config set repairs the only error of a file", async () => {
  using config = makeConfigCli();
  writeConfig(config, 'default_mem = "1g" # much\n');
  assertPrinted(await config.run("set", "default_mem", "1g"), "");
  assert.equal(Deno.readTextFileSync(config.path), "default_mem = 1024 # much\n");
});

Deno.test("smolvm config refuses unknown commands, and prints its help without a command", async () => {
  using config = makeConfigCli();
  const hint = (command: string) => `Run 'smolvm config${command} --help' for more.`;
  assertRefused(await config.run("shw"), "Unknown command 'shw'", "(Did you mean show?)", hint(""));
  assertRefused(await config.run("show", "--al"), "Unknown option '--al'", hint(" show"));
  assertRefused(await config.run("get"), "Missing required argument 'key'", hint(" get"));
  assertRefused(await config.run("set", "default_mem"), "Missing required argument 'value'", hint(" set"));
  const { code, stdout, stderr } = await config.run();
  assert.deepEqual({ code, stdout }, { code: 125, stdout: "" });
  assert.match(stderr, /^Usage: smolvm config /);
});

Deno.test("smolvm config --help explains every key, shows examples and fits a terminal", async () => {
  using config = makeConfigCli();
  for (const args of [["--help"], ["show", "--help"], ["get", "--help"], ["set", "--help"], ["path", "--help"]]) {
    const { code, stdout, stderr } = await config.run(...args);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
    const explained = stdout.includes(
      "\n  default_mem: memory in MiB, an integer from 128 to 16777216 (default: 512)\n",
    );
    assert.equal(explained, !["show", "path"].includes(args[0]!), args[0]);
    assert.ok(stdout.includes("\nExamples:\n  smolvm config "), args[0]);
  }
});
