import assert from "node:assert/strict";
import type { Finding } from "../../src/doctor/mod.ts";
import { assertNothingLeft, type Cli, type CliOptions, makeCli } from "../helpers/cli.ts";

/** The findings of `smolvm doctor` by name; its exit code must match them. */
async function diagnose(cli: Cli, options?: CliOptions): Promise<Map<string, Omit<Finding, "name">>> {
  const { code, stdout, stderr } = await cli.run(["doctor", "--format", "json"], options);
  assert.equal(stderr, "");
  const findings: Finding[] = JSON.parse(stdout);
  assert.equal(code, findings.some(({ status }) => status === "error") ? 1 : 0);
  return new Map(findings.map(({ name, ...finding }) => [name, finding]));
}

Deno.test("smolvm doctor finds what scripts/setup installed, and changes nothing", async () => {
  using cli = makeCli();
  const findings = await diagnose(cli);
  for (const name of ["libkrun", "libkrunfw", "agent", "disk-templates", "buildah", "configuration"]) {
    const { status, found } = findings.get(name) ?? assert.fail(`no "${name}"`);
    assert.equal(status, "ok", `${name}: ${found}`);
  }
  assert.match(findings.get("buildah")!.found, /^buildah version \d/);
  assert.match(findings.get("libkrun")!.found, /^(\d.*, )?\/.*libkrun/);
  for (const name of ["state-folder", "runtime-folder"]) assert.ok(findings.get(name)!.found.includes(cli.folder));
  await assertNothingLeft(cli);
});

Deno.test("smolvm doctor prints the same findings for people and for programs", async () => {
  using cli = makeCli();
  const findings = await diagnose(cli);
  const { stdout } = await cli.run(["doctor"]);
  for (const [name, { status, hint }] of findings) {
    assert.match(stdout, new RegExp(`^${status} +${name} +`, "m"));
    if (hint !== null) assert.ok(stdout.includes(`\n  ${hint}\n`));
  }
});

Deno.test("smolvm doctor reports problems and how to fix them", async () => {
  using cli = makeCli();
  const { folder } = cli;
  await Deno.mkdir(`${folder}/bin`);
  await Deno.writeTextFile(`${folder}/file`, "");
  await Deno.writeTextFile(`${folder}/libkrun`, "no library");
  await Deno.symlink("loop", `${folder}/loop`);
  const long = `${folder}/${"x".repeat(100)}`;
  const cases: [name: string, options: CliOptions, found: RegExp, hint: RegExp | null][] = [
    [
      "configuration",
      { config: "\ndefault_cpu = 1" },
      /smolvm\.toml", line 2: unknown key "default_cpu"$/,
      /mean default_cpus\?/,
    ],
    ["libkrun", { env: { SMOLVM_LIBKRUN: "/none" } }, /^Cannot find libkrun: .*"\/none"$/, /^Unset SMOLVM_LIBKRUN/],
    ["libkrun", { env: { SMOLVM_LIBKRUN: `${folder}/libkrun` } }, /^Cannot load ".*libkrun": /, null],
    ["libkrunfw", { env: { SMOLVM_LIBKRUNFW: "/none" } }, /^Cannot find libkrunfw/, /SMOLVM_LIBKRUNFW/],
    ["agent", { env: { SMOLVM_LIB: folder } }, /smolvm-agent-.*: No such file or directory$/, /scripts\/setup/],
    ["disk-templates", { env: { SMOLVM_LIB: folder } }, /"\/.*disk\.template": No such file/, /scripts\/setup/],
    ["buildah", { env: { PATH: `${folder}/bin` } }, /^Cannot find buildah/, /[Ii]nstall/],
    ["state-folder", { env: { XDG_STATE_HOME: `${folder}/file` } }, /file" is not a folder$/, /Move it away/],
    ["state-folder", { env: { XDG_STATE_HOME: `${folder}/loop` } }, /loop\/smolvm": Too many levels/, /XDG_STATE_HOME/],
    ["runtime-folder", { env: { XDG_RUNTIME_DIR: long } }, /longer than \d+ bytes$/, /XDG_RUNTIME_DIR/],
  ];
  if (Deno.build.os === "linux") {
    const noLib = { env: { SMOLVM_LIB: folder } };
    cases.push(["jail-namespaces", noLib, /^Cannot find the program ".*\/smolvm-jail-\w+"$/, /scripts\/setup/]);
  }
  for (const [name, options, expected, cure] of cases) {
    const { status, found, hint } = (await diagnose(cli, options)).get(name)!;
    assert.equal(status, "error", name);
    assert.match(found, expected);
    assert.match(hint ?? "", cure ?? /^$/);
  }
});

Deno.test("smolvm doctor accepts only its options", async () => {
  using cli = makeCli();
  for (const args of [["x"], ["--format", "yaml"]]) {
    const { code, stderr } = await cli.run(["doctor", ...args]);
    assert.equal(code, 125, stderr);
  }
});
