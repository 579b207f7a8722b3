/**
 * The entry point of the program. It imports only the entry that the command needs; in the download, each entry is a
 * separate bundle. This module is small because Deno does not cache its compiled code: Deno caches a module only once
 * its evaluation has finished, which here is at exit.
 *
 * @module
 */

import "./runner/entry.ts"; // Import this first: in an executable, this program is also the runner.
import deno from "../deno.json" with { type: "json" };
import { printLine } from "./cli/output/print.ts";
import { withErrorReport } from "./cli/report.ts";

/** The PATH that a shell uses if none is set. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  // PATH may be unset, as under `env -i`. The launchers set it, but an executable has no launcher.
  if (!Deno.env.get("PATH")) Deno.env.set("PATH", DEFAULT_PATH);
  // This is faster than loading the full program, which handles --version too.
  if (args.length === 1 && args[0] === "--version") {
    return await withErrorReport(() => Promise.try(printLine, deno.version)) ?? 0;
  }
  if (args[0] === "run") {
    const { runDirectly } = await import("./cli/direct_run.ts");
    const code = await runDirectly();
    if (code !== undefined) return code;
  }
  if (args[0] === "exec") {
    const { execDirectly } = await import("./cli/direct_exec.ts");
    const code = await execDirectly();
    if (code !== undefined) return code;
  }
  if (args[0] === "oci") {
    const { ociMain } = await import("./oci/main.ts");
    return await ociMain(args.slice(1));
  }
  const { programMain } = await import("./cli/program.ts");
  return await programMain(args);
}
