import { exists } from "../host/files.ts";
import { log } from "../log.ts";
import { type RoleCommand, roleCommand } from "../runner/entry.ts";

/**
 * Makes Deno cache the compiled code of the runner. A runner in its jail must not write to Deno's cache, so each would
 * compile all its code again, which takes a third of its start. This starts a runner without a jail or a machine, once
 * for each download, to fill the cache. It does nothing unless the launcher has set `DENO_DIR`.
 */
export function cacheCompiledRunner({ argv, env }: RoleCommand = roleCommand("runner")): void {
  if (Deno.build.os !== "linux") return;
  const [cache, file] = [Deno.env.get("DENO_DIR"), argv.find((word) => word.endsWith("/main.js"))];
  if (cache === undefined || file === undefined) return;
  try {
    const { size, mtime } = Deno.statSync(file.replace(/main\.js$/, "runner.js"));
    const mark = `${cache}/runner-${size}-${mtime?.getTime()}`;
    if (exists(mark)) return;
    // Create the mark first: if that fails, Deno cannot write to the cache either.
    Deno.openSync(mark, { write: true, createNew: true }).close();
  } catch {
    return; // This process may not create the mark, or another process has just created it.
  }
  const [command, ...args] = argv;
  try {
    const nothing = { stdin: "null", stdout: "null", stderr: "null" } as const;
    new Deno.Command(command!, { args, env, ...nothing }).spawn().unref();
  } catch (error) {
    log("debug", `cannot keep the compiled code of the runner: ${error}`);
  }
}
