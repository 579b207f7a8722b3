/**
 * The entry of the program. Each way in is imported when taken, so that none pays for the others: in the download each is
 * a bundle of its own, which shares nothing with the others. Deno keeps the compiled code of what has been evaluated,
 * which this module is only at the end of the program: it is small.
 *
 * @module
 */

import "./runner/entry.ts"; // First: in an executable, a runner is this program too.
import deno from "../deno.json" with { type: "json" };
import { printLine } from "./cli/output/print.ts";
import { reporting } from "./cli/report.ts";

/** Where a shell looks for programs that has no PATH. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  // As under `env -i`. The launchers of the checkout and the download see to it, an executable has none.
  if (!Deno.env.get("PATH")) Deno.env.set("PATH", DEFAULT_PATH);
  // Not worth the whole command line, which knows it as well.
  if (args.length === 1 && args[0] === "--version") {
    return await reporting(() => Promise.try(printLine, deno.version)) ?? 0;
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
