import { exists } from "../host/files.ts";
import { log } from "../log.ts";
import { type RoleCommand, roleCommand } from "../runner/entry.ts";

/**
 * Has Deno keep the compiled code of a runner: one in its jail must not write to Deno's cache, and so each would compile
 * all of itself anew, which takes it a third of its start. One without a jail, which nobody gives a machine, does it once
 * for each download. Only where the launcher says where the cache is.
 */
export function keepCompiledRunner({ argv, env }: RoleCommand = roleCommand("runner")): void {
  if (Deno.build.os !== "linux") return;
  const [cache, file] = [Deno.env.get("DENO_DIR"), argv.find((word) => word.endsWith("/main.js"))];
  if (cache === undefined || file === undefined) return;
  try {
    const { size, mtime } = Deno.statSync(file.replace(/main\.js$/, "runner.js"));
    const mark = `${cache}/runner-${size}-${mtime?.getTime()}`;
    if (exists(mark)) return;
    // First: where it cannot be made, nothing would be kept either.
    Deno.openSync(mark, { write: true, createNew: true }).close();
  } catch {
    return; // It may not be made, or another process has just done so.
  }
  const [command, ...args] = argv;
  try {
    const nothing = { stdin: "null", stdout: "null", stderr: "null" } as const;
    new Deno.Command(command!, { args, env, ...nothing }).spawn().unref();
  } catch (error) {
    log("debug", `cannot keep the compiled code of the runner: ${error}`);
  }
}
