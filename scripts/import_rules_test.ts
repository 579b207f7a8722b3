import assert from "node:assert/strict";
import { importViolations, RULES, unusedPermissions } from "./import_rules.ts";

/** The violations in a graph with the given imports of each file. */
const violations = (imports: Record<string, string[]>) => importViolations(new Map(Object.entries(imports)));

Deno.test("importViolations() accepts imports in the table, of the own folder and of GROUND", () => {
  assert.deepEqual(
    violations({
      "src/main.ts": ["src/cli/run.ts", "src/runner/entry.ts"],
      "src/cli/run.ts": ["src/cli/flags.ts", "src/machine/start.ts", "src/errors.ts", "npm:commander@15.1.0"],
      "src/cli/flags.ts": ["src/config/config.ts"],
      "src/machine/start.ts": ["src/runner/entry.ts", "src/runner_interface/spec.ts"],
      "src/runner/main.ts": ["src/krun/vm.ts"],
      "src/config/toml.ts": ["npm:smol-toml@1.9.1"],
    }),
    [],
  );
});

Deno.test("importViolations() lets only the runner import krun", () => {
  for (const file of ["src/main.ts", "src/mod.ts", "src/cli/a.ts", "src/machine/a.ts", "src/image/a.ts"]) {
    assert.deepEqual(violations({ [file]: ["src/krun/vm.ts"] }).length, 1, file);
  }
  assert.deepEqual(violations({ "src/runner/a.ts": ["src/krun/vm.ts"] }), []);
});

Deno.test("importViolations() lets machine import the runner's entry and spec, and nothing else of the runner", () => {
  assert.deepEqual(violations({ "src/machine/a.ts": ["src/runner/main.ts"] }), [
    "src/machine/a.ts imports src/runner/main.ts, which src/machine may not",
  ]);
});

Deno.test("importViolations() distinguishes a folder from another whose name is a prefix of its name", () => {
  assert.deepEqual(violations({ "src/krun/a.ts": ["src/hosts/b.ts"] }), [
    "src/krun/a.ts imports src/hosts/b.ts, which src/krun may not",
  ]);
});

Deno.test("importViolations() refuses packages outside the folders that may use them", () => {
  assert.deepEqual(violations({ "src/runner/a.ts": ["npm:commander@15.1.0", "node:path"] }), [
    "src/runner/a.ts imports npm:commander@15.1.0, which src/runner may not",
    "src/runner/a.ts imports node:path, which src/runner may not",
  ]);
});

Deno.test("RULES allows only packages that deno.lock has", () => {
  const { specifiers } = JSON.parse(Deno.readTextFileSync(new URL("../deno.lock", import.meta.url)));
  // Deno itself provides Node's modules.
  const packages = RULES.values().flatMap(({ packages }) => packages).filter((start) => !start.startsWith("node:"));
  for (const start of packages) {
    assert.ok(Object.keys(specifiers).some((specifier) => specifier.startsWith(start)), start);
  }
});

Deno.test("importViolations() lets a test use any package and tests/, but not what its folder may not import", () => {
  assert.deepEqual(
    violations({ "src/image/a_test.ts": ["node:assert/strict", "tests/fixtures/images.ts", "src/krun/vm.ts"] }),
    ["src/image/a_test.ts imports src/krun/vm.ts, which src/image may not"],
  );
});

Deno.test("importViolations() refuses other sources than npm, in scripts and tests too", () => {
  for (const file of ["src/cli/a.ts", "scripts/a.ts", "tests/e2e/a_test.ts"]) {
    for (const target of ["jsr:@std/fs", "https://example.org/mod.ts", "http://example.org/mod.ts"]) {
      assert.deepEqual(violations({ [file]: [target] }), [`${file} imports ${target}, which is not from npm`]);
    }
  }
});

Deno.test("importViolations() refuses src importing scripts or tests", () => {
  assert.equal(violations({ "src/storage/a.ts": ["scripts/a.ts", "tests/fixtures/images.ts"] }).length, 2);
  assert.deepEqual(violations({ "scripts/a.ts": ["src/storage/a.ts"], "tests/cli/a_test.ts": ["src/errors.ts"] }), []);
});

Deno.test("importViolations() names a folder without a rule", () => {
  assert.deepEqual(violations({ "src/extra/a.ts": ["src/errors.ts"] }), [
    "src/extra/a.ts imports src/errors.ts, but no rule says what src/extra may import",
  ]);
});

Deno.test("importViolations() finds a cycle between files of one folder", () => {
  assert.deepEqual(
    violations({
      "src/host/a.ts": ["src/host/b.ts"],
      "src/host/b.ts": ["src/host/c.ts"],
      "src/host/c.ts": ["src/host/b.ts"],
    }),
    ["Imports form a cycle: src/host/b.ts -> src/host/c.ts -> src/host/b.ts"],
  );
});

Deno.test("importViolations() finds a cycle between folders whose files form none", () => {
  assert.deepEqual(
    violations({
      "src/machine/a.ts": ["src/runner/entry.ts"],
      "src/runner/other.ts": ["src/machine/b.ts"],
    }),
    [
      "src/runner/other.ts imports src/machine/b.ts, which src/runner may not",
      "Imports form a cycle: src/machine -> src/runner -> src/machine",
    ],
  );
});

Deno.test("importViolations() does not report two paths to one file as a cycle", () => {
  assert.deepEqual(
    violations({
      "src/host/a.ts": ["src/host/b.ts", "src/host/c.ts"],
      "src/host/b.ts": ["src/host/d.ts"],
      "src/host/c.ts": ["src/host/d.ts"],
    }),
    [],
  );
});

Deno.test("importViolations() separates the agent's folders, and treats a header as part of its file", () => {
  assert.deepEqual(
    violations({
      "src/guest/main.c": ["src/guest/loop/agent.h"],
      "src/guest/loop/agent.c": ["src/guest/loop/agent.h", "src/guest/exec/exec.h"],
      "src/guest/loop/agent.h": ["src/guest/wire/frame.h"],
    }),
    [],
  );
  assert.deepEqual(violations({ "src/guest/wire/frame.c": ["src/guest/loop/agent.h"] }), [
    "src/guest/wire/frame.c imports src/guest/loop/agent.h, which src/guest/wire may not",
  ]);
  assert.deepEqual(
    violations({
      "src/guest/loop/agent.c": ["src/guest/loop/handle.h"],
      "src/guest/loop/handle.c": ["src/guest/loop/agent.h"],
    }),
    ["Imports form a cycle: src/guest/loop/agent.c -> src/guest/loop/handle.c -> src/guest/loop/agent.c"],
  );
});

Deno.test("unusedPermissions() names permissions in the table that no file uses", () => {
  const unused = (imports: Record<string, string[]>) =>
    unusedPermissions(new Map(Object.entries(imports))).filter((line) => line.startsWith("src/config "));
  const used = ["src/host/files.ts", "src/state/names.ts", "npm:smol-toml@1.9.1"];
  assert.deepEqual(unused({ "src/config/a.ts": used.slice(0, 1), "src/config/b.ts": used.slice(1) }), []);
  assert.deepEqual(unused({ "src/config/a.ts": used.slice(0, 1) }), [
    "src/config may import src/state, but does not: take it out of the table",
    "src/config may import npm:smol-toml@, but does not: take it out of the table",
  ]);
});
