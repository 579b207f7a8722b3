/** The download: how it is built, and its smolvm on a host without Deno and the checkout. */
import assert from "node:assert/strict";
import deno from "../../deno.json" with { type: "json" };
import type { Finding } from "../../src/doctor/mod.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { type LoadedModule, modulesOfProgram, modulesOfRunner } from "../helpers/loaded_modules.ts";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const ARCH = Deno.build.arch === "aarch64" ? "arm64" : "x64";
const OTHER_ARCH = ARCH === "x64" ? "arm64" : "x64";
const NAME = `smolvm-${deno.version}-${Deno.build.os}-${ARCH}`;
/** If the tests run as root: run smolvm as the user "nobody", without a network. */
const AS_NOBODY = Deno.uid() === 0
  ? ["unshare", "--net", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
  : [];

const unpacked = makeTempFolder();
const { path: folder } = unpacked;
const install = `${folder}/install/${NAME}`;
let sum: string;

/** Runs scripts/build-dist.sh from another folder. */
function build(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runProcess("bash", {
    args: ["-c", 'umask "${MASK:-022}"; exec "$@"', "bash", `${ROOT}scripts/build-dist.sh`, ...args],
    cwd: folder,
    env,
    timeoutMs: 300_000,
  });
}

async function checkedSum(): Promise<string> {
  const outcome = await runProcess("sha256sum", { args: ["-c", `${NAME}.tar.gz.sha256`], cwd: `${ROOT}dist` });
  assertCode(outcome, 0);
  return (await Deno.readTextFile(`${ROOT}dist/${NAME}.tar.gz.sha256`)).split(" ")[0]!;
}

/** Runs the download's smolvm through a relative symlink, in a PATH without Deno and a clean environment. */
async function smolvm(args: string[], env: string[] = [`HOME=${folder}/home`]): Promise<Outcome> {
  const [command, ...rest] = [...AS_NOBODY, "env", "-i", ...env, `PATH=${folder}/bin:/usr/bin:/bin`, "smolvm", ...args];
  return await runProcess(command!, { args: rest, cwd: `${folder}/home` });
}

/** Lists the files below a folder, sorted, with their modification times. */
function listing(path: string): string[] {
  return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? listing(`${path}/${name}`)
      : [`${path.slice(install.length + 1)}/${name} ${Deno.lstatSync(`${path}/${name}`).mtime?.getTime()}`]
  ).sort();
}

Deno.test.beforeAll(async () => {
  const outcome = await build(["--portable"]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout.trimEnd().split("\n").at(-1), `dist/${NAME}.tar.gz`);
  sum = await checkedSum();
  for (const name of ["install", "bin", "home"]) await Deno.mkdir(`${folder}/${name}`);
  assertCode(
    await runProcess("tar", { args: ["-xzf", `${ROOT}dist/${NAME}.tar.gz`, "-C", `${folder}/install`] }),
    0,
  );
  assertCode(await runProcess("chmod", { args: ["-R", "a-w", install] }), 0);
  await Deno.symlink(`../install/${NAME}/smolvm`, `${folder}/bin/smolvm`);
  await Deno.chmod(folder, 0o755);
  await Deno.chmod(`${folder}/home`, 0o777);
});

Deno.test.afterAll(async () => {
  await runProcess("chmod", { args: ["-R", "u+w", folder] });
  unpacked[Symbol.dispose]();
});

Deno.test("scripts/build-dist.sh makes the same bytes with another umask, time zone and language", async () => {
  assertCode(await build(["--portable"], { SOURCE_DATE_EPOCH: "86400" }), 0);
  assert.notEqual(await checkedSum(), sum, "the time has no effect");
  assertCode(await build(["--portable"], { MASK: "077", TZ: "Asia/Tokyo", LC_ALL: "C" }), 0);
  assert.equal(await checkedSum(), sum);
});

Deno.test("the download contains the files that it needs, only for its platform, readable by all users", async () => {
  const names = (path: string) => [...Deno.readDirSync(`${install}/${path}`)].map(({ name }) => name).sort();
  const top = [
    "LICENSE",
    "NOTICES",
    "README.md",
    "completions",
    "docs",
    "lib",
    "licenses",
    "man",
    "smolvm",
    "smolvm-oci",
    "smolvm.entitlements",
  ];
  assert.deepEqual(names(""), top);
  assert.deepEqual(names("completions"), ["_smolvm", "smolvm.bash", "smolvm.fish"]);
  const readme = await Deno.readTextFile(`${install}/README.md`);
  for (const [, path] of readme.matchAll(/\]\((docs\/[^)#]+)/g)) {
    assert.ok(names("docs").includes(path!.slice(5)), path);
  }
  const lib = names("lib");
  for (
    const name of ["disk.template", "disk-small.template", "libkrun.so.1", "libkrunfw.so.5", `smolvm-agent-${ARCH}`]
  ) {
    assert.ok(lib.includes(name), `no ${name} in ${lib}`);
  }
  assert.ok(!lib.includes(`smolvm-agent-${OTHER_ARCH}`));
  const unreadable = await runProcess("find", { args: [install, "!", "-perm", "-444"] });
  assert.equal(unreadable.stdout, "");
  const owners = await runProcess("tar", { args: ["-tvzf", `${ROOT}dist/${NAME}.tar.gz`, "--numeric-owner"] });
  for (const line of owners.stdout.trimEnd().split("\n")) assert.match(line, /^\S+ 0\/0 /);
});

Deno.test("the download names the licence and the source of all its parts", async () => {
  const notices = await Deno.readTextFile(`${install}/NOTICES`);
  const licences = [...Deno.readDirSync(`${install}/licenses`)].map(({ name }) => name.replace(".txt", ""));
  for (const licence of licences) assert.ok(notices.includes(licence), licence);
  for (const [, licence] of notices.matchAll(/\b(L?GPL-[0-9.]+|Apache-[0-9.]+)\b/g)) {
    assert.ok(licences.includes(licence!), `no text of ${licence}`);
  }
  const { specifiers } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  for (const specifier of Object.keys(specifiers)) {
    if (specifier.includes("/extra-typings@")) continue; // only types
    assert.ok(notices.includes(specifier.replace("npm:", "")), specifier);
  }
  const built = notices.includes("lib/libkrun.so.1 built by scripts/build-libkrun from the crates in\n");
  assert.ok(built || /\blib\/libkrun\.so\.1 from npm's @\S+@[0-9.]+,\n.*one byte changed/.test(notices), notices);
  assert.match(notices, /\blib\/libkrunfw\.so\.5 from npm's @\S+@[0-9.]+\n/);
  assert.match(notices, /Copyright \(c\) \d+ TJ Holowaychuk/);
  assert.match(notices, /Copyright \(c\) Squirrel Chat/);
});

Deno.test("the download contains a valid man page of its version", async () => {
  const path = `${install}/man/man1/smolvm.1`;
  const made = Deno.statSync(path).mtime!.toISOString().slice(0, 10);
  assert.ok((await Deno.readTextFile(path)).startsWith(`.TH SMOLVM 1 ${made} "smolvm ${deno.version}"\n`));
  const { code, stdout, stderr } = await runProcess("mandoc", { args: ["-T", "lint", "-W", "warning", path] });
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
});

Deno.test("the download's smolvm runs as an ordinary user through a symlink, without Deno, network or writable folders", async () => {
  const before = listing(install);
  for (const env of [[`HOME=${folder}/home`], []]) {
    const version = await smolvm(["--version"], env);
    assert.deepEqual({ ...version, bytes: undefined }, {
      code: 0,
      stdout: `${deno.version}\n`,
      stderr: "",
      bytes: undefined,
    });
  }
  assert.equal((await smolvm(["--help"])).stdout, (await runProcess(SMOLVM, { args: ["--help"] })).stdout);
  const completion = await smolvm(["completion", "fish"]);
  assert.equal(completion.stdout, await Deno.readTextFile(`${install}/completions/smolvm.fish`));
  assert.deepEqual(listing(install), before);
});

Deno.test("the download's smolvm loads only the modules that --version, --help and a machine need", async () => {
  const program = `${install}/lib/portable`;
  const names = (modules: LoadedModule[]) => modules.map(({ name }) => name);
  assert.deepEqual(names(await modulesOfProgram(program, ["--version"])), ["main.js"]);
  assert.deepEqual(names(await modulesOfProgram(program, ["--help"])), ["main.js", "program.js"]);
  assert.deepEqual(names(await modulesOfProgram(program, ["run", "--help"])), ["main.js", "run.js", "program.js"]);
  assert.deepEqual(names(await modulesOfRunner(program)), ["main.js", "runner.js"]);
  // One text that only the command line contains, and one that only the runner contains.
  const held = (name: string) =>
    ["Boot a microVM, run a command in it", "krun_start_enter"].map((text) =>
      Deno.readTextFileSync(`${program}/${name}`).includes(text)
    );
  assert.deepEqual(held("run.js"), [false, false]);
  assert.deepEqual(held("exec.js"), [false, false]);
  assert.deepEqual(held("program.js"), [true, false]);
  assert.deepEqual(held("runner.js"), [false, true]);
});

Deno.test("the download's smolvm loads its own libraries", async () => {
  const { stdout } = await smolvm(["doctor", "--format", "json"]);
  const findings: Finding[] = JSON.parse(stdout);
  for (const name of ["libkrun", "libkrunfw", "agent", "disk-templates"]) {
    const { status, found } = findings.find((finding) => finding.name === name)!;
    assert.equal(status, "ok", found);
    assert.ok(found.includes(`${install}/lib`), found);
  }
});

Deno.test("scripts/build-dist.sh builds for macOS from the given files, and prints how to sign the result there", async () => {
  const lib = `${folder}/darwin`;
  await Deno.mkdir(lib);
  // The script reads only Mach-O's magic number and CPU type.
  const program = Uint8Array.of(0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1, ...Array(12).fill(0));
  for (const name of ["deno", "libkrun.1.16.0.dylib", "libkrunfw.5.dylib"]) {
    await Deno.writeFile(`${lib}/${name}`, program);
  }
  await Deno.symlink("libkrun.1.16.0.dylib", `${lib}/libkrun.1.dylib`);
  const agent = new Uint8Array(20);
  agent.set([0x7f, 0x45, 0x4c, 0x46]);
  agent[18] = 0xb7; // AArch64
  await Deno.writeFile(`${lib}/smolvm-agent-arm64`, agent);
  await Deno.writeTextFile(`${lib}/disk.template`, "");
  const outcome = await build(["--portable", "--platform", "darwin-arm64", "--lib", "darwin", "--deno", "darwin/deno"]);
  assertCode(outcome, 0);
  const tarball = `${ROOT}${outcome.stdout.trim()}`;
  const { stdout } = await runProcess("tar", { args: ["-tzf", tarball] });
  for (const path of [tarball, `${tarball}.sha256`]) await Deno.remove(path);
  for (const name of ["libkrun.1.dylib", "libkrun.1.16.0.dylib", "libkrunfw.5.dylib", "portable/deno"]) {
    assert.ok(stdout.includes(`-darwin-arm64/lib/${name}\n`), name);
  }
  if (Deno.build.os === "darwin") return;
  assert.match(outcome.stderr, /^build-dist: not signed, .*codesign .* smolvm\.entitlements lib\/portable\/deno\n$/);
});

Deno.test("scripts/build-dist.sh refuses bad arguments and files with one line", async () => {
  await Deno.mkdir(`${folder}/empty`);
  const other = `${Deno.build.os}-${OTHER_ARCH}`;
  const cases: [args: string[], code: number, stderr: RegExp][] = [
    [["--frob"], 2, /unknown argument "--frob"/],
    [["--platform", "plan9-x64"], 2, /unknown platform "plan9-x64"/],
    [["--lib"], 2, /--lib needs a value/],
    [["--deno", "deno"], 2, /--deno is for --portable/],
    [["--portable", "--lib", "empty"], 1, /there is no "\/.*empty\/libkrun\.so\.1"; give .* with --lib/],
    [["--portable", "--lib", `${ROOT}lib`, "--platform", other], 1, /libkrun\..* is for .*; give .* with --lib/],
    [["--portable", "--deno", `${ROOT}README.md`], 1, /README\.md" is for an unknown platform; .* with --deno/],
  ];
  for (const [args, code, stderr] of cases) {
    const outcome = await build(args);
    assertCode(outcome, code);
    assert.match(outcome.stderr, stderr);
    assert.match(outcome.stderr, /^build-dist: .*\n$/);
  }
});
