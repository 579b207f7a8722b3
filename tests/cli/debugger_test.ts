/**
 * From half a second after its start, Deno opens a debugger on SIGUSR1: any user of the host could then control the
 * process.
 */
import assert from "node:assert/strict";
import { assertCode } from "../helpers/process.ts";
import { findProcesses } from "../helpers/processes.ts";
import { makeStubCli, noStubReason, type StubCli } from "../helpers/stub_vm.ts";
import { pause, until } from "../helpers/until.ts";

const GRACE_MS = 1500;

/** Returns the Deno processes of the stub's programs. */
function denosOf({ cli }: StubCli): number[] {
  return findProcesses((pid) =>
    Deno.readLinkSync(`/proc/${pid}/exe`).includes("/deno") &&
    Deno.readTextFileSync(`/proc/${pid}/environ`).includes(`XDG_STATE_HOME=${cli.folder}`)
  );
}

/** Whether a process listens at the debugger's port in the network of `pid`. */
function hasDebugger(pid: number): boolean {
  return Deno.readTextFileSync(`/proc/${pid}/net/tcp`).includes(" 0100007F:240D 00000000:0000 0A ");
}

Deno.test({
  name: "SIGUSR1 opens no debugger in a client, a VM process or a gateway, and reaches the command",
  ignore: noStubReason !== undefined,
  async fn() {
    for (const flags of [[], ["--insecure-no-jail"]]) {
      await using stub = await makeStubCli();
      assertCode(await stub.smolvm("run", "-d", "--name", "web", "--net", ...flags, stub.rootfs, "sleep", "1000"), 0);
      await using _waiting = stub.start("wait", "web");
      await until(() => denosOf(stub).length === 3);
      await pause(GRACE_MS);
      const all = denosOf(stub);
      for (const pid of all) Deno.kill(pid, "SIGUSR1");
      await pause(GRACE_MS);
      assert.deepEqual([denosOf(stub), all.filter(hasDebugger)], [all, []]);
      assertCode(await stub.smolvm("delete", "--force", "web"), 0);
    }
    await using stub = await makeStubCli();
    await using run = stub.start("run", stub.rootfs, "sleep", "1000");
    await until(() => denosOf(stub).length === 2);
    await pause(GRACE_MS);
    // The stub's command exits on any signal.
    run.kill("SIGUSR1");
    assertCode(await run.outcome, 137);
  },
});
