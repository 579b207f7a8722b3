// Bad input is refused with one clear error and exit code 125, before anything is made, even if no VM can run.
import assert from "node:assert/strict";
import { checkVirtualization } from "../../src/host/virtualization.ts";
import { SmolvmError } from "../../src/errors.ts";
import { assertNothingLeft, type Cli, type CliOptions, makeCli } from "../helpers/cli.ts";

interface Refusal extends CliOptions {
  /** The arguments of smolvm; `{}` in an argument or in a text below is the test's folder. */
  args: string[];
  message: string;
  /** The line after the message. */
  hint?: string;
}

const SEE_HELP = "Run 'smolvm run --help' for more.";

/** Registers a test of refusals. Its folder contains a folder `root` and the files `file` and `env`. */
function refusalTest(name: string, refusals: Refusal[]): void {
  Deno.test(name, async () => {
    using cli = makeCli();
    await Deno.mkdir(`${cli.folder}/root`);
    await Deno.writeTextFile(`${cli.folder}/file`, "");
    await Deno.writeTextFile(`${cli.folder}/env`, "A=1\nB C=2\n");
    for (const refusal of refusals) await assertRefused(cli, refusal);
    await assertNothingLeft(cli);
  });
}

async function assertRefused(cli: Cli, { args, message, hint, ...options }: Refusal): Promise<void> {
  const fill = (text: string) => text.replaceAll("{}", cli.folder);
  const { code, stdout, stderr } = await cli.run(args.map(fill), options);
  const lines = [`smolvm: ${message}`, ...(hint === undefined ? [] : [hint])];
  assert.deepEqual({ code, stdout, stderr }, { code: 125, stdout: "", stderr: `${fill(lines.join("\n"))}\n` });
}

/** The refusal of an option's value by its parser; `option` is written as in the help. */
function badValue(option: string, value: string, reason: string): Refusal {
  const flag = /--[a-z-]+/.exec(option)![0];
  return {
    args: ["run", `${flag}=${value}`, "{}/root", "true"],
    message: `Option '${option}' argument '${value}' is invalid. ${reason}`,
    hint: SEE_HELP,
  };
}

refusalTest("smolvm refuses unknown flags and commands and suggests the nearest", [
  {
    args: ["run", "--memroy", "512", "{}/root"],
    message: "Unknown option '--memroy'\n(Did you mean --memory?)",
    hint: SEE_HELP,
  },
  {
    args: ["run", "--completely-unknown", "{}/root"],
    message: "Unknown option '--completely-unknown'",
    hint: SEE_HELP,
  },
  {
    args: ["--verson"],
    message: "Unknown option '--verson'\n(Did you mean --version?)",
    hint: "Run 'smolvm --help' for more.",
  },
  {
    args: ["runn", "{}/root"],
    message: "Unknown command 'runn'\n(Did you mean run?)",
    hint: "Run 'smolvm --help' for more.",
  },
  ...[["help", "none"], ["none", "--help"], ["--help", "none"]].map((args) => ({
    args,
    message: "Unknown command 'none'",
    hint: "Run 'smolvm --help' for more.",
  })),
  { args: ["config", "help", "none"], message: "Unknown command 'none'", hint: "Run 'smolvm config --help' for more." },
]);

const NETWORK_HINT = (source: string) =>
  `Use --network none, or --allow-net with rules. For an image or a folder of that name, use --net -- ${source}.`;

refusalTest("smolvm run and create refuse docker's network names as their source", [
  ...["none", "host", "bridge", "default", "container:web"].flatMap((source) =>
    ["run", "create"].map((command) => ({
      args: [command, "-i", "--net", source, "{}/root", "ls", "/"],
      message: `Cannot use --net ${source}: --net takes no value, and gives the public internet`,
      hint: NETWORK_HINT(source),
    }))
  ),
  ...["none", "host"].map((mode) => ({
    args: ["create", `--net=${mode}`, "{}/root"],
    message: "Option '--net' takes no value",
    hint: "Use --network none, or --allow-net with rules.",
  })),
  {
    args: ["run", "--network", "bridge", "{}/root"],
    message: "Option '--network <name>' argument 'bridge' is invalid. Expected the name of a network: see smolvm " +
      "network ls.",
    hint: SEE_HELP,
  },
  {
    args: ["run", "--net", "--network", "none", "{}/root"],
    message: "Cannot use --net with --network none",
  },
  {
    args: ["run", "--dns", "1.1.1.1", "--network=none", "{}/root"],
    message: "Cannot use --dns without --net: the guest has no network",
  },
]);

refusalTest("smolvm refuses a value for an option without one", [
  ...["--detach=true", "--rm=false", "--tty=true"].map((option) => ({
    args: ["run", option, "{}/root"],
    message: `Option '${option.split("=")[0]}' takes no value`,
    hint: SEE_HELP,
  })),
  {
    args: ["rm", "--force=true", "web"],
    message: "Option '--force' takes no value",
    hint: "Run 'smolvm delete --help' for more.",
  },
]);

refusalTest("smolvm uses or refuses the argument of -h, and never exits with 0 for it", [
  { args: ["run", "-h"], message: "Option '-h, --hostname <name>' argument missing", hint: SEE_HELP },
  { args: ["run", "-h", "foo"], message: "Missing required argument 'source'", hint: SEE_HELP },
  {
    args: ["run", "-h", "foo", "./none", "true"],
    message: 'Cannot use the folder "./none": No such file or directory',
  },
  {
    args: ["create", "-h", "a b", "{}/root"],
    message: "Option '-h, --hostname <name>' argument 'a b' is invalid. " +
      "Expected up to 63 letters, digits and . _ -, the first and last a letter or digit.",
    hint: "Run 'smolvm create --help' for more.",
  },
  ...[["exec"], ["stop"], ["rm"], ["ps", "list"], ["shell"], ["system df"]].map(([command, name = command]) => ({
    args: [...command!.split(" "), "-h", "web", "ls"],
    message: `Cannot use -h before "web": it only prints help`,
    hint: `Run 'smolvm ${name === "rm" ? "delete" : name} --help' for more.`,
  })),
  {
    args: ["-h", "ps"],
    message: `Cannot use -h before "ps": it only prints help`,
    hint: "Run 'smolvm --help' for more.",
  },
]);

refusalTest("smolvm run refuses a missing source, and an option without its value", [
  { args: ["run"], message: "Missing required argument 'source'", hint: SEE_HELP },
  { args: ["run", "--memory"], message: "Option '-m, --memory <size>' argument missing", hint: SEE_HELP },
]);

const NOT_MIB = "Expected a whole number of MiB such as 512, 512m or 1g.";
const MEMORY_RANGE = "expected 128 MiB to 16 TiB";

refusalTest("smolvm run refuses impossible memory and CPUs", [
  badValue("-m, --memory <size>", "lots", NOT_MIB),
  badValue("-m, --memory <size>", "1.5", NOT_MIB),
  badValue("-c, --cpus <count>", "two", "Expected a whole number of CPUs."),
  badValue("-c, --cpus <count>", "-1", "Expected a whole number of CPUs."),
  { args: ["run", "-m", "127", "{}/root"], message: `Cannot give the machine 127 MiB of memory: ${MEMORY_RANGE}` },
  {
    args: ["run", "-m", "17t", "{}/root"],
    message: `Cannot give the machine 17 TiB of memory: ${MEMORY_RANGE}`,
  },
  { args: ["run", "-c", "0", "{}/root"], message: "Cannot give the machine 0 CPUs: expected 1 to 16" },
  { args: ["run", "--cpus", "17", "{}/root"], message: "Cannot give the machine 17 CPUs: expected 1 to 16" },
]);

refusalTest("smolvm run refuses invalid variables, and names the line of a file", [
  badValue("-e, --env <variable>", "=value", "Expected KEY=VALUE or KEY, without space in KEY."),
  {
    args: ["run", "--env-file", "{}/none", "{}/root"],
    message: "Option '--env-file <file>' argument '{}/none' is invalid. No such file or directory.",
    hint: SEE_HELP,
  },
  {
    args: ["run", "--env-file", "{}/env", "{}/root"],
    message: "Option '--env-file <file>' argument '{}/env' is invalid. " +
      "At line 2: Expected KEY=VALUE or KEY, without space in KEY.",
    hint: SEE_HELP,
  },
]);

const VOLUME = "-v, --volume <host:guest[:ro]>";

refusalTest("smolvm run refuses volumes that cannot be mounted", [
  badValue(VOLUME, "/tmp", "Expected HOST:GUEST or HOST:GUEST:ro."),
  badValue(VOLUME, "/tmp:/a:rx", 'Expected the mode ro or rw, got "rx".'),
  badValue(VOLUME, "/tmp:a", 'Expected an absolute path in the guest, got "a".'),
  badValue(VOLUME, "/tmp:/", "Cannot mount over the guest's root."),
  badValue(VOLUME, "/tmp:/a/../b", 'Expected a path without "..", got "/a/../b".'),
  {
    args: ["run", "-v", "./none:/a", "{}/root"],
    message: 'Cannot mount volume "{}/none": No such file or directory',
  },
  {
    args: ["run", "-v", "{}/file:/a", "{}/root"],
    message: 'Cannot mount volume "{}/file": it is a single file, expected a folder',
    hint: 'Mount its parent folder "{}" instead.',
  },
  { args: ["run", "-v", "/tmp:/a", "-v", "/:/a/", "{}/root"], message: 'Cannot mount two volumes at "/a"' },
]);

const PUBLISH = "-p, --publish <[ip:]host:guest>";

refusalTest("smolvm run refuses ports that cannot be published", [
  badValue(PUBLISH, "web", "Expected [IP:]HOST:GUEST with port numbers."),
  badValue(PUBLISH, "70000:80", "Expected ports from 1 to 65535, got 70000."),
  badValue(PUBLISH, "53:53/sctp", "Cannot publish sctp ports, only tcp and udp."),
  badValue(PUBLISH, "localhost:80:80", 'Expected an IP address, got "localhost".'),
  {
    args: ["run", "-p", "0.0.0.0:8080:80", "-p", "8080:81", "{}/root"],
    message: "Cannot publish two ports at 127.0.0.1:8080",
  },
]);

refusalTest("smolvm run refuses invalid network rules, and --deny-net without a network", [
  {
    args: ["run", "--allow-net", "10.0.0.1/8", "{}/root"],
    message: 'Cannot use the network rule "10.0.0.1/8": it has bits set after its prefix of 8',
    hint: "Write 10.0.0.0/8.",
  },
  {
    args: ["create", "--net", "--deny-net", "example.com:0", "{}/root"],
    message: 'Cannot use the network rule "example.com:0": expected a port from 1 to 65535 after the colon',
  },
  {
    args: ["run", "--deny-net", "example.com", "{}/root"],
    message: "Cannot use --deny-net without --net: the guest has no network",
  },
  {
    args: ["run", "--allow-net", "public", "--network", "none", "{}/root"],
    message: "Cannot use --allow-net with --network none",
  },
]);

refusalTest("smolvm run refuses a missing network of machines, and aliases without a network", [
  {
    args: ["run", "--network", "app", "{}/root"],
    message: 'No such network: "app"',
    hint: "Make it: smolvm network create app",
  },
  {
    args: ["run", "--network", "none", "--network", "shop", "{}/root"],
    message: "Option '--network <name>' argument 'shop' is invalid. Expected networks, or only none.",
    hint: SEE_HELP,
  },
  {
    args: ["create", "--network-alias", "db", "{}/root"],
    message: "Cannot use --network-alias without --network: there is no other machine to use it",
  },
  {
    args: ["create", "--network", "none", "--network-alias", "db", "{}/root"],
    message: "Cannot use --network-alias with --network none",
  },
  {
    args: ["run", "--network", "app", "--dns", "1.1.1.1", "{}/root"],
    message: "Cannot use --dns without --net: the guest has no network",
  },
]);

refusalTest("smolvm run refuses invalid secrets and invalid limits", [
  {
    args: ["run", "--net", "--secret", "TOKEN@api.test=env:SMOLVM_NO_SUCH_VARIABLE", "{}/root"],
    message: 'Cannot use the secret "TOKEN": the variable SMOLVM_NO_SUCH_VARIABLE is not set',
  },
  {
    args: ["run", "--net", "--secret", "TOKEN@10.0.0.1=env:HOME", "{}/root"],
    message: 'Cannot send a secret to "10.0.0.1": expected a name, or *.NAME',
  },
  {
    args: ["create", "--net", "-e", "TOKEN=1", "--secret", "TOKEN@api.test=env:HOME", "{}/root"],
    message: 'Cannot use the secret "TOKEN": the variable is set already',
  },
  {
    args: ["run", "--secret", "TOKEN@api.test=env:HOME", "{}/root"],
    message: "Cannot use --secret without --net: the guest has no network",
  },
  {
    args: ["run", "--net", "--secret", "TOKEN=env:HOME", "{}/root"],
    message: "Option '--secret <name@host,...=source>' argument 'TOKEN=env:HOME' is invalid. Expected " +
      "NAME@HOST=env:VARIABLE or NAME@HOST=file:PATH.",
    hint: SEE_HELP,
  },
  {
    args: ["run", "--net", "--net-limit", "10x", "{}/root"],
    message:
      "Option '--net-limit <rate>' argument '10x' is invalid. Expected bytes per second such as 500k or 10m, at " +
      "least 1k.",
    hint: SEE_HELP,
  },
  {
    args: ["run", "--net-connections", "5", "{}/root"],
    message: "Cannot use --net-connections without --net: the guest has no network",
  },
]);

refusalTest("smolvm run refuses an invalid name server, and one without a network", [
  badValue("--dns <address>", "dns.example", "Expected an IP address."),
  {
    args: ["run", "--dns", "1.1.1.1", "{}/root"],
    message: "Cannot use --dns without --net: the guest has no network",
  },
]);

refusalTest("smolvm run refuses values that the guest cannot use", [
  badValue("-u, --user <user[:group]>", "a:b:c", "Expected NAME or UID, with :GROUP or :GID."),
  badValue("-u, --user <user[:group]>", "4294967295", "Expected an id of at most 4294967294."),
  badValue("-w, --workdir <dir>", "src", "Expected an absolute path in the guest."),
  badValue(
    "-h, --hostname <name>",
    "a b",
    "Expected up to 63 letters, digits and . _ -, the first and last a letter or digit.",
  ),
  badValue("--timeout <seconds>", "soon", "Expected a number of seconds above 0 and up to 2147483."),
  badValue("--timeout <seconds>", "0", "Expected a number of seconds above 0 and up to 2147483."),
  badValue("--pull <policy>", "often", "Allowed choices are always, missing, never."),
  badValue("--tls-verify <bool>", "maybe", "Expected true or false."),
  {
    args: ["run", "--name", "a b", "{}/root"],
    message: 'Cannot name a machine "a b": expected a letter or digit, then up to 62 of a-z A-Z 0-9 _ . -',
  },
]);

refusalTest("smolvm run refuses -it when its input is not a terminal", [{
  args: ["run", "-it", "{}/root"],
  message: "Cannot use --tty with --interactive: standard input is not a terminal",
  hint: "Leave --tty (-t) out when input is a file or a pipe.",
}]);

refusalTest("smolvm run refuses a SOURCE that is neither a folder nor an image", [
  { args: ["run", ""], message: "Cannot use an empty SOURCE: expected a folder or an image" },
  { args: ["run", "./none"], message: 'Cannot use the folder "./none": No such file or directory' },
  {
    args: ["run", "{}/file"],
    message: 'Cannot use "{}/file" as a root filesystem: it is not a folder',
    hint: 'For an image archive name its format: "oci-archive:{}/file" or "docker-archive:{}/file".',
  },
  {
    args: ["run", "oci-archive:none.tar"],
    message: 'Cannot use the image "oci-archive:none.tar": "{}/none.tar": No such file or directory',
  },
  { args: ["run", "Alpine"], message: 'Cannot use "Alpine" as an image reference: "Alpine" must be in lower case' },
  { args: ["run", "alpine:a/b:c d"], message: 'Cannot use "alpine:a/b:c d" as an image reference: "c d" is not a tag' },
]);

const CONFIG = Deno.build.os === "darwin"
  ? "{}/Library/Preferences/rs.smolvm/smolvm.toml"
  : "{}/config/smolvm/smolvm.toml";
const args = ["run", "{}/root"];

refusalTest("smolvm run refuses a broken configuration file and names the line and the key", [
  {
    args,
    config: "default_cpu = 1",
    message: `"${CONFIG}", line 1: unknown key "default_cpu"`,
    hint: "Did you mean default_cpus?",
  },
  {
    args,
    config: "default_cpus = 99",
    message: `"${CONFIG}", line 1: default_cpus is 99, expected an integer from 1 to 16`,
  },
  {
    args,
    config: 'default_mem = "1g"',
    message: `"${CONFIG}", line 1: default_mem is "1g", expected an integer from 128 to 16777216`,
  },
  { args, config: 'default_dns = "dns"', message: `"${CONFIG}", line 1: default_dns is "dns", expected an IP address` },
  {
    args,
    config: "default_cpus = 1\ndefault_mem\n",
    message: `Cannot parse "${CONFIG}": line 2, column 12: illegal character in key`,
  },
]);

refusalTest("smolvm refuses invalid values of its environment variables", [
  {
    args,
    env: { SMOLVM_LOG: "loud" },
    message: 'Cannot set the log level to "loud" (SMOLVM_LOG): expected error, warn, info, debug, trace',
  },
  {
    args: ["--log-level", "loud", ...args],
    message: 'Cannot set the log level to "loud" (--log-level): expected error, warn, info, debug, trace',
  },
  {
    args,
    env: { SMOLVM_BOOT_TIMEOUT: "soon" },
    message: 'Cannot use SMOLVM_BOOT_TIMEOUT="soon": expected seconds from above 0 to 86400',
  },
  {
    args,
    env: { HOME: "home" },
    message: 'Cannot find the home folder: HOME is "home"',
    hint: "Set HOME to an absolute path.",
  },
]);

/** Why no VM can run on this host; `undefined` if one can. */
function hostProblem(): SmolvmError | undefined {
  try {
    checkVirtualization();
  } catch (error) {
    if (error instanceof SmolvmError) return error;
    throw error;
  }
}

const problem = hostProblem();
if (problem) {
  const { message, hint } = problem;
  refusalTest("smolvm run reports why this host cannot run VMs, before it looks for an image", [
    { args, message, ...(hint === undefined ? {} : { hint }) },
    { args: ["run", "image.invalid/none"], message, ...(hint === undefined ? {} : { hint }) },
    { args: ["run", "-d", "image.invalid/none"], message, ...(hint === undefined ? {} : { hint }) },
  ]);
} else {
  console.log("skipped: smolvm run says why this host cannot run VMs: it can");
}
