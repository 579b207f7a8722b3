// Bad input is refused with one clear error and 125, before anything is made, also where no VM could run.
import assert from "node:assert/strict";
import { checkVirtualization } from "../../src/host/virtualization.ts";
import { SmolvmError } from "../../src/errors.ts";
import { assertNothingLeft, type Cli, type CliOptions, makeCli } from "../helpers/cli.ts";

interface Refusal extends CliOptions {
  /** What smolvm is given; `{}` in an argument or in a text below is the test's folder. */
  args: string[];
  message: string;
  /** The line behind the message. */
  hint?: string;
}

const SEE_HELP = "Run 'smolvm run --help' for more.";

/** Registers a test of refusals. Its folder holds a folder `root` and the files `file` and `env`. */
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

/** The refusal of an option's value by its parser; `option` is as in the help. */
function badValue(option: string, value: string, reason: string): Refusal {
  const flag = /--[a-z-]+/.exec(option)![0];
  return {
    args: ["run", `${flag}=${value}`, "{}/root", "true"],
    message: `Option '${option}' argument '${value}' is invalid. ${reason}`,
    hint: SEE_HELP,
  };
}

refusalTest("smolvm refuses unknown flags and commands and names the nearest", [
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

refusalTest("smolvm run refuses to be given nothing to run, or an option without its value", [
  { args: ["run"], message: "Missing required argument 'source'", hint: SEE_HELP },
  { args: ["run", "--memory"], message: "Option '-m, --memory <size>' argument missing", hint: SEE_HELP },
]);

const NOT_MIB = "Expected a whole number of MiB such as 512, 512m or 1g.";
const MEMORY_RANGE = "expected 128 to 16777216 MiB";

refusalTest("smolvm run refuses memory and CPUs that no VM can have", [
  badValue("-m, --memory <size>", "lots", NOT_MIB),
  badValue("-m, --memory <size>", "1.5", NOT_MIB),
  badValue("-c, --cpus <count>", "two", "Expected a whole number of CPUs."),
  badValue("-c, --cpus <count>", "-1", "Expected a whole number of CPUs."),
  { args: ["run", "-m", "127", "{}/root"], message: `Cannot give the machine 127 MiB of memory: ${MEMORY_RANGE}` },
  {
    args: ["run", "-m", "17t", "{}/root"],
    message: `Cannot give the machine 17825792 MiB of memory: ${MEMORY_RANGE}`,
  },
  { args: ["run", "-c", "0", "{}/root"], message: "Cannot give the machine 0 CPUs: expected 1 to 16" },
  { args: ["run", "--cpus", "17", "{}/root"], message: "Cannot give the machine 17 CPUs: expected 1 to 16" },
]);

refusalTest("smolvm run refuses variables that are none, and names the line of a file", [
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
  badValue(PUBLISH, "53:53/udp", "Cannot publish udp ports, only tcp."),
  badValue(PUBLISH, "localhost:80:80", 'Expected an IP address, got "localhost".'),
  {
    args: ["run", "-p", "0.0.0.0:8080:80", "-p", "8080:81", "{}/root"],
    message: "Cannot publish two ports at 127.0.0.1:8080",
  },
]);

refusalTest("smolvm run refuses a name server that is none, and one without a network", [
  badValue("--dns <address>", "dns.example", "Expected an IP address."),
  {
    args: ["run", "--dns", "1.1.1.1", "{}/root"],
    message: "Cannot use --dns without --net: the guest has no network",
  },
]);

refusalTest("smolvm run refuses values that the guest could not use", [
  badValue("-u, --user <user[:group]>", "a:b:c", "Expected NAME or UID, with :GROUP or :GID."),
  badValue("-u, --user <user[:group]>", "4294967295", "Expected an id of at most 4294967294."),
  badValue("-w, --workdir <dir>", "src", "Expected an absolute path in the guest."),
  badValue(
    "--hostname <name>",
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

refusalTest("smolvm run refuses a terminal where there is none", [{
  args: ["run", "-t", "{}/root"],
  message: "Cannot use --tty: standard output is not a terminal",
  hint: "Leave --tty (-t) out when input or output is a file or a pipe.",
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
    message: `Cannot parse "${CONFIG}": Parse error on line 2, column 11: key/value pair doesn't have "="`,
  },
]);

refusalTest("smolvm refuses variables of its own with a value that means nothing", [
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

/** Why no VM can run on this host. */
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
  refusalTest("smolvm run says why this host runs no VM, before it looks for an image", [
    { args, message, ...(hint === undefined ? {} : { hint }) },
    { args: ["run", "image.invalid/none"], message, ...(hint === undefined ? {} : { hint }) },
    { args: ["run", "-d", "image.invalid/none"], message, ...(hint === undefined ? {} : { hint }) },
  ]);
} else {
  console.log("skipped: smolvm run says why this host runs no VM: it does");
}
