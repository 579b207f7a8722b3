import assert from "node:assert/strict";
import { isJailed, jailFacts } from "./facts.ts";

/** Loads a filter that allows everything, prints that it did, and waits for the end of its input. */
const FILTERED = `
  import { assemble, verdict } from "${new URL("./bpf.ts", import.meta.url)}";
  import { Libc } from "${new URL("../host/libc.ts", import.meta.url)}";
  const allow = [0x06, 0, 0x7fff0000];
  new Libc().filterSystemCalls(assemble([verdict("allow")]));
  console.log("filtered");
  await Deno.stdin.read(new Uint8Array(1));`;

/** The facts about such a process in new namespaces. */
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
  name: "isJailed() is false for a process with a filter and user and mount namespaces, but without a jail",
  ignore: Deno.build.os !== "linux",
  async fn() {
    assert.deepEqual(await judge("map-root-user", "mount"), { kinds: ["mnt", "user"], filters: 1, isJailed: false });
    const jail = await judge("map-root-user", "mount", "ipc", "uts", "net");
    assert.deepEqual(jail, { kinds: ["ipc", "mnt", "net", "user", "uts"], filters: 1, isJailed: true });
  },
});
