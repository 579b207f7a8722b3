/** The environment of a command of run, and how its exit code becomes smolvm's. */
import assert from "node:assert/strict";
import { assertCode } from "../helpers/process.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, start, rootfs } = suite;

/** Strings that are difficult for shells, kernel command lines and text formats. */
const AWKWARD = [
  "",
  " ",
  "--",
  "-x",
  "a b  c",
  `"double" 'single' \`back\``,
  "$HOME ${HOME} $(id) %s %%",
  "line one\nline two\n",
  "tab\tcarriage\rreturn",
  "back\\slash \\n",
  "gr\u00fc\u00dfe \u65e5\u672c\u8a9e \u{1f980}",
  "\u0001\u007f\u001b[31m",
  "*?[a-z]~#!&|;<>",
];

/** Prints each argument to stdout and each variable to stderr, terminated by NUL. */
const SHOW = `printf '%s\\0' "$@"; env -0 >&2`;

const items = (text: string) => text.split("\0").slice(0, -1);

/** Runs a shell script in the guest and returns the lines that it printed. */
async function linesOf(options: string[], script: string): Promise<string[]> {
  const outcome = await smolvm(["run", ...options, rootfs, "sh", "-c", script]);
  assertCode(outcome, 0);
  assert.equal(outcome.stderr, "");
  return outcome.stdout.trimEnd().split("\n");
}

/** Allows for the kernel's own memory, and for the little that libkrun adds. */
function assertMemory(actualKib: number, expectedMib: number): void {
  const ratio = actualKib / 1024 / expectedMib;
  assert.ok(ratio > 0.9 && ratio < 1.1, `${actualKib} KiB instead of ${expectedMib} MiB`);
}

test("run passes arguments and variables unchanged, 20,000 characters long and 200 of them", async () => {
  const args = [...AWKWARD, "x".repeat(300), "y".repeat(20_000)];
  const variables = [
    ...AWKWARD.map((value, index) => `AWKWARD_${index}=${value}`),
    `LONG=${"z".repeat(20_000)}`,
    ...Array.from({ length: 200 }, (_, index) => `MANY_${index}=value ${index}`),
  ];
  const options = variables.flatMap((variable) => ["-e", variable]);
  const outcome = await smolvm(["run", ...options, rootfs, "sh", "-c", SHOW, "sh", ...args]);
  assertCode(outcome, 0);
  assert.deepEqual(items(outcome.stdout), args);
  const given = items(outcome.stderr).filter((variable) => /^(AWKWARD|LONG|MANY)/.test(variable));
  assert.deepEqual(given.sort(), variables.sort());
});

test("run without options starts a shell as root in / of a machine with 1 CPU, 512 MiB and a disk of 10 GiB", async () => {
  const script = `id -u; pwd; echo $HOME; echo $PATH; nproc; hostname; cat /etc/hostname; cat /etc/hosts
    awk '/^MemTotal/ {print $2}' /proc/meminfo; df -k / | awk 'END {print $2}'; date +%s; ulimit -n; echo last`;
  const outcome = await smolvm(["run", "-i", rootfs], { input: script });
  assertCode(outcome, 0);
  const [uid, cwd, home, path, cpus, hostname, hostnameFile, ...rest] = outcome.stdout.trimEnd().split("\n");
  assert.deepEqual([uid, cwd, home, cpus], ["0", "/", "/root", "1"]);
  assert.equal(path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  assert.match(hostname!, /^[a-z]+-[a-z]+-[0-9a-f]{4}$/);
  assert.equal(hostnameFile, hostname);
  assert.deepEqual(rest.slice(0, 3), [
    "127.0.0.1 localhost",
    "::1 localhost ip6-localhost ip6-loopback",
    `127.0.1.1 ${hostname}`,
  ]);
  const [memoryKib, diskKib, seconds, openFiles] = rest.slice(3, 7).map(Number);
  assertMemory(memoryKib!, 512);
  assert.ok(diskKib! > 9 * 1024 * 1024 && diskKib! <= 10 * 1024 * 1024, `${diskKib} KiB of disk`);
  assert.ok(Math.abs(seconds! - Date.now() / 1000) < 30, `the guest's clock says ${seconds}`);
  assert.equal(openFiles, 1_048_576);
  assert.deepEqual(rest.slice(7), ["last"]);
  assert.equal(outcome.stderr, "");
});

test("run honours --name, --cpus, --memory, --workdir, --user, --env and --env-file", async () => {
  const file = `${suite.folder}/variables`;
  await Deno.writeTextFile(file, "# a comment\n\nFROM_FILE=a b  c\nBOTH=file\nINHERITED_BY_FILE\n");
  const options = [
    "--name",
    "box_1.x",
    "--cpus",
    "2",
    "--memory",
    "256m",
    "--workdir",
    "/made/for it",
    "--user",
    "app",
  ];
  options.push("--env-file", file, "--env", "BOTH=flag", "-e", "INHERITED", "-e", "NOT_SET_HERE", "--rm");
  const script = `hostname; nproc; awk '/^MemTotal/ {print $2}' /proc/meminfo; pwd; id -un; id -Gn; echo $HOME
    echo "$FROM_FILE:$BOTH:$INHERITED:$INHERITED_BY_FILE:\${NOT_SET_HERE-unset}"
    echo >/etc/passwd || echo cannot`;
  const outcome = await smolvm(["run", ...options, rootfs, "sh", "-c", script], {
    env: { INHERITED: "from here", INHERITED_BY_FILE: "too" },
  });
  assertCode(outcome, 0);
  const [hostname, cpus, memoryKib, ...rest] = outcome.stdout.trimEnd().split("\n");
  assert.deepEqual([hostname, cpus], ["box_1.x", "2"]);
  assertMemory(Number(memoryKib), 256);
  assert.deepEqual(rest, [
    "/made/for it",
    "app",
    "app extra",
    "/home/app",
    "a b  c:flag:from here:too:unset",
    "cannot",
  ]);
});

test("run honours --hostname, --entrypoint and numeric ids without an entry in /etc/passwd", async () => {
  const options = ["--hostname", "guest-1", "--entrypoint", "/bin/sh", "--user", "4321:8765"];
  const outcome = await smolvm(["run", ...options, rootfs, "-c", "hostname; id -u; id -g; id -G"]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "guest-1\n4321\n8765\n8765\n");
});

for (const code of [125, 255]) {
  test(`run exits with the command's ${code}, and prints nothing itself`, async () => {
    const { stdout, stderr, ...outcome } = await smolvm(["run", rootfs, "sh", "-c", `exit ${code}`]);
    assert.deepEqual({ code: outcome.code, stdout, stderr }, { code, stdout: "", stderr: "" });
  });
}

test("run exits with 139 when SIGSEGV ended the command", async () => {
  const { stdout, stderr, code } = await smolvm(["run", "--init", rootfs, "sh", "-c", "kill -SEGV $$"]);
  assert.deepEqual({ code, stdout, stderr }, { code: 139, stdout: "", stderr: "" });
});

const REFUSED: { what: string; args: string[]; code: number; stderr: RegExp }[] = [
  {
    what: "127 and names a program that is not in the PATH",
    args: [rootfs, "no-such-program"],
    code: 127,
    stderr: /^smolvm: Cannot find "no-such-program" in the guest: .+\n$/,
  },
  {
    what: "126 and names a program that is not executable",
    args: [rootfs, "/etc/passwd"],
    code: 126,
    stderr: /^smolvm: Cannot execute "\/etc\/passwd" in the guest: .+\n$/,
  },
  {
    what: "125 for an unknown user",
    args: ["--user", "nobody-knows", rootfs, "true"],
    code: 125,
    stderr: /^smolvm: Cannot run as user ".*nobody-knows"/,
  },
  {
    what: "125 for a working directory that is a file",
    args: ["--workdir", "/etc/passwd", rootfs, "true"],
    code: 125,
    stderr: /^smolvm: Cannot enter the working directory "\/etc\/passwd": .+\n$/,
  },
];
for (const { what, args, code, stderr } of REFUSED) {
  test(`run exits with ${what}`, async () => {
    const outcome = await smolvm(["run", ...args]);
    assertCode(outcome, code);
    assert.match(outcome.stderr, stderr);
    assert.equal(outcome.stdout, "");
  });
}

test("run without a command, in a folder without a shell, exits with 127 and names /bin/sh", async () => {
  const folder = await suite.makeFolder("empty");
  const outcome = await smolvm(["run", folder]);
  assertCode(outcome, 127);
  assert.match(outcome.stderr, /^smolvm: Cannot find "\/bin\/sh" in the guest: .+\n$/);
  assert.deepEqual([...Deno.readDirSync(folder)], []);
});

test("run --timeout ends the command with exit code 124", async () => {
  const outcome = await smolvm(["run", "--timeout", "1", rootfs, "sh", "-c", "echo begun; sleep 1000"]);
  assertCode(outcome, 124);
  assert.equal(outcome.stdout, "begun\n");
  assert.match(outcome.stderr, /^smolvm: The command ran longer than 1 s\n$/);
});

test("run does not print messages of the guest's kernel", async () => {
  const lines = await linesOf([], `dmesg -n 8; echo "<0>alarm in the kernel" >/dev/kmsg; dmesg | grep -c alarm`);
  assert.deepEqual(lines, ["1"]);
});

test("run --log-level debug logs only to the standard error", async () => {
  const outcome = await smolvm(["--log-level", "debug", "run", rootfs, "echo", "output"]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "output\n");
  assert.match(outcome.stderr, /spawning .* __runner/);
});

test("three machines run at once, and run refuses the name of a running machine", async () => {
  const names = ["first", "second", "third"];
  const script = "hostname; cat";
  const machines = names.map((name) => start(["run", "-i", "--name", name, rootfs, "sh", "-c", script]));
  await using stack = new AsyncDisposableStack();
  for (const machine of machines) stack.use(machine);
  await Promise.all(machines.map((machine, index) => machine.untilStdout(new RegExp(`^${names[index]}\n`))));

  const rival = await smolvm(["run", "--name", "second", rootfs, "true"]);
  assertCode(rival, 125);
  assert.match(rival.stderr, /^smolvm: Cannot name the machine "second": machine [0-9a-f]{12} has that name\n$/);

  for (const [index, machine] of machines.entries()) await machine.write(`${index}`);
  const outcomes = await Promise.all(machines.map((machine) => machine.finish()));
  assert.deepEqual(outcomes.map(({ code, stdout }) => [code, stdout]), [
    [0, "first\n0"],
    [0, "second\n1"],
    [0, "third\n2"],
  ]);
  assertCode(await smolvm(["run", "--name", "second", rootfs, "true"]), 0);
});
