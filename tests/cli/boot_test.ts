/** Failures while a VM boots; a stub replaces libkrun. */
import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { listOf } from "../helpers/inventory.ts";
import { assertCode } from "../helpers/process.ts";
import { makeStubCli, noStubReason, type StubCli } from "../helpers/stub_vm.ts";

function test(name: string, body: (stub: StubCli) => Promise<void>): void {
  Deno.test({
    name,
    ignore: noStubReason !== undefined,
    async fn() {
      await using stub = await makeStubCli();
      await body(stub);
      assert.equal((await stub.smolvm("list", "--all", "--quiet")).stdout, "");
    },
  });
}

test("a network that cannot start fails the boot immediately, and reports why from inside the jail", async (stub) => {
  assertCode(await stub.smolvm("network", "create", "app"), 0);
  const run = (...flags: string[]) => stub.smolvm("run", ...flags, "--network", "app", stub.rootfs, "true");
  assertCode(await run(), 0);
  const runtime = `${stub.cli.runtime}/smolvm`;
  const [lock] = listOf(runtime).map((name) => `${runtime}/${name}/.lock`).filter(exists);
  Deno.removeSync(lock!);
  Deno.mkdirSync(lock!);
  for (const flags of [[], ["--insecure-no-jail"]]) {
    const outcome = await run(...flags);
    assertCode(outcome, 125);
    assert.match(outcome.stderr, /^smolvm: Cannot start the machine's network: .*\.lock": Is a directory/m);
  }
});

test("a client passes the values of secrets to a gateway that starts while the VM boots", async (stub) => {
  const args = ["run", "--net", "--secret", "TOKEN@api.test=env:HOST_TOKEN", stub.rootfs, "true"];
  assertCode(await stub.program("env", "HOST_TOKEN=s3cret", SMOLVM, ...args), 0);
});

test("run and warm boot a VM again if it dies before its kernel prints anything", async (stub) => {
  const doom = `${stub.cli.folder}/doom`;
  for (const args of [["run", stub.rootfs, "true"], ["warm"]]) {
    Deno.writeTextFileSync(doom, "");
    const outcome = await stub.program("env", `SMOLVM_STUB_DOOM=${doom}`, SMOLVM, ...args);
    assertCode(outcome, 0);
    assert.ok(!exists(doom), "one VM has died");
  }
  assertCode(await stub.smolvm("warm", "--count", "0"), 0);
});
