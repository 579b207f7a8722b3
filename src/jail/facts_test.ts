import assert from "node:assert/strict";
import { isJailed, jailFacts } from "./facts.ts";

/** Says so when it is under a filter that allows everything, and waits to be ended. */
const FILTERED = `
  import { assemble, verdict } from "${new URL("./bpf.ts", import.meta.url)}";
  import { Libc } from "${new URL("../host/libc.ts", import.meta.url)}";
  const allow = [0x06, 0, 0x7fff0000];
  new Libc().filterSystemCalls(assemble([verdict("allow")]));
  console.log("filtered");
  await Deno.stdin.read(new Uint8Array(1));`;

/** What is said of such a process in namespaces of its own. */
async function judge(...namespaces: string[]): Promise<{ kinds: string[]; filters: number; isJailed: boolean }> {
  const args = [...namespaces.map((kind) => `--${kind}`), Deno.execPath(), "eval", "--no-check", FILTERED];
  const child = new Deno.Command("unshare", { args, stdin: "piped", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "filtered\n");
  const { namespaces: kinds, seccompFilters } = jailFacts(child.pid)!;
  const judged = { kinds, filters: seccompFilters, isJailed: isJailed(child.pid) };
  await child.stdin.close();
  await reader.cancel();
  await child.status;
  return judged;
}

Deno.test({
  name: "isJailed() is not taken in by what a process without a jail has, too",
  ignore: Deno.build.os !== "linux",
  async fn() {
    assert.deepEqual(await judge("map-root-user", "mount"), { kinds: ["mnt", "user"], filters: 1, isJailed: false });
    const jail = await judge("map-root-user", "mount", "ipc", "uts", "net");
    assert.deepEqual(jail, { kinds: ["ipc", "mnt", "net", "user", "uts"], filters: 1, isJailed: true });
  },
});
