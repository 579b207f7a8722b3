/**
 * Finds which modules the bundled program loads.
 *
 * @module
 */

import { assertCode, runProcess } from "./process.ts";
import { makeTempFolder } from "./temp_folder.ts";

/** A module that was loaded. */
export interface LoadedModule {
  /** Its file in the bundle. */
  name: string;
  bytes: number;
}

/** The modules that `smolvm ARGS` loads from a bundle. */
export function modulesOfProgram(folder: string, args: string[]): Promise<LoadedModule[]> {
  return loadedModules(folder, "main.js", { args });
}

/** The modules that a runner loads from a bundle before it receives its specification. */
export function modulesOfRunner(folder: string): Promise<LoadedModule[]> {
  return loadedModules(folder, "main.js", { args: [], env: { SMOLVM_ROLE: "runner" } });
}

/** Serves the bundle and records the requests: Deno lists no modules that are imported dynamically. */
async function loadedModules(
  folder: string,
  main: string,
  { args, env }: { args: string[]; env?: Record<string, string> },
): Promise<LoadedModule[]> {
  const loaded: LoadedModule[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const text = await Deno.readTextFile(folder + new URL(url).pathname);
    const { length: bytes } = new TextEncoder().encode(text);
    loaded.push({ name: new URL(url).pathname.slice(1), bytes });
    return new Response(text, { headers: { "content-type": "text/javascript" } });
  });
  using cache = makeTempFolder();
  const flags = ["-A", "--quiet", "--no-config", "--no-lock", "--no-check"];
  const outcome = await runProcess(Deno.execPath(), {
    args: ["run", ...flags, `http://127.0.0.1:${server.addr.port}/${main}`, ...args],
    env: { ...env, DENO_DIR: cache.path },
  });
  assertCode(outcome, 0);
  return loaded;
}
